import { describe, expect, it } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { runCli } from './run-cli.ts';

const NOUNS = ['serve', 'profile', 'chain', 'device', 'supplier', 'attachment', 'apikey', 'config', 'doctor'];
const COMMANDS = [
  ['serve'],
  ['chain', 'lint'],
  ['chain', 'test'],
  ['chain', 'graph'],
  ['device', 'list'],
  ['device', 'show'],
  ['device', 'create'],
  ['device', 'delete'],
  ['device', 'rotate'],
  ['device', 'provision'],
  ['supplier', 'create'],
  ['supplier', 'list'],
  ['supplier', 'rotate'],
  ['supplier', 'delete'],
  ['attachment', 'list'],
  ['attachment', 'history'],
  ['attachment', 'move'],
  ['attachment', 'end'],
  ['apikey', 'create'],
  ['apikey', 'list'],
  ['apikey', 'revoke'],
  ['deadletter', 'list'],
  ['deadletter', 'show'],
  ['deadletter', 'retry'],
  ['deadletter', 'delete'],
  ['doctor'],
  ['schema'],
  ['docs'],
];

describe('gridmoor', () => {
  it('without a word prints its help on stderr and ends with 2', async () => {
    const ran = await runCli([]);
    expect(ran.code).toBe(2);
    expect(ran.stdout).toBe('');
    for (const noun of NOUNS) expect(ran.stderr).toContain(`  ${noun}`);
  });

  it.each(['--help', '-h', 'help'])('%s prints all nouns and an example', async (word) => {
    const ran = await runCli([word]);
    expect(ran.code).toBe(0);
    for (const noun of NOUNS) expect(ran.stdout).toContain(`  ${noun}`);
    expect(ran.stdout).toContain('gridmoor supplier create');
  });

  it('--version prints the version of the package, with --json as JSON', async () => {
    expect(await runCli(['--version'])).toEqual({ code: 0, stdout: `${packageJson.version}\n`, stderr: '' });
    expect(JSON.parse((await runCli(['--version', '--json'])).stdout)).toEqual({ version: packageJson.version });
  });

  it('names the nearest noun of a mistyped one', async () => {
    const ran = await runCli(['suplier', 'list']);
    expect(ran).toMatchObject({
      code: 2,
      stderr: 'gridmoor: there is no "suplier". Did you mean "gridmoor supplier"?\n',
    });
  });

  it('lists the nouns when none is near, also for a name of Object.prototype', async () => {
    const ran = await runCli(['constructor']);
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain('Known: serve, profile');
  });

  it('help <noun> <verb> is <noun> <verb> --help', async () => {
    const asked = await runCli(['help', 'chain', 'lint']);
    expect(asked).toEqual(await runCli(['chain', 'lint', '--help']));
    expect(asked.stdout).toContain('Usage: gridmoor chain lint [path...] [flags]');
  });
});

describe('every command', () => {
  it.each(COMMANDS.map((words) => [words.join(' '), words]))(
    '%s --help shows how it is typed and an example',
    async (name, words) => {
      const ran = await runCli([...words, '--help']);
      expect(ran.code).toBe(0);
      expect(ran.stdout).toContain(`Usage: gridmoor ${name}`);
      expect(ran.stdout).toContain('--json');
      expect(ran.stdout).toMatch(new RegExp(`Examples?:\n.*gridmoor ${name}`));
    },
  );
});
