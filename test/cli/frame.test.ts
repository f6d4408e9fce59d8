import { describe, expect, it } from 'vitest';
import { runCli } from './run-cli.ts';

describe('a noun', () => {
  it('without a verb prints its verbs on stderr and ends with 2', async () => {
    const ran = await runCli(['attachment']);
    expect(ran.code).toBe(2);
    for (const verb of ['list', 'history <device>', 'move <device>', 'end <device>'])
      expect(ran.stderr).toContain(verb);
  });

  it('names the nearest verb of a mistyped one', async () => {
    const ran = await runCli(['attachment', 'histroy']);
    expect(ran.code).toBe(2);
    expect(ran.stderr).toBe(
      'gridmoor attachment: there is no "histroy". Did you mean "gridmoor attachment history"?\n',
    );
  });
});

describe('flags', () => {
  it('an unknown one is a usage error that names the nearest', async () => {
    const ran = await runCli(['device', 'list', '--page-sise', '3']);
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain('there is no flag "--page-sise". Did you mean "--page-size"?');
    expect(ran.stderr).toContain('See: gridmoor device list --help');
  });

  it('one without its value is a usage error', async () => {
    const ran = await runCli(['device', 'list', '--url']);
    expect(ran).toMatchObject({ code: 2 });
    expect(ran.stderr).toContain('--url needs a value: <url>.');
  });

  it('a switch with a value is a usage error', async () => {
    const ran = await runCli(['device', 'list', '--json=yes']);
    expect(ran).toMatchObject({ code: 2 });
    expect(ran.stderr).toContain('--json takes no value.');
  });

  it('a missing word is named, a word too many is named', async () => {
    expect((await runCli(['supplier', 'create'])).stderr).toContain('<name> is missing');
    expect((await runCli(['supplier', 'create', 'Sol', 'Energia'])).stderr).toContain('"Energia" is one word too many');
  });

  it('-h is help, but the host where a device is meant to connect', async () => {
    expect((await runCli(['device', 'list', '-h'])).stdout).toContain('-h, --help');
    const ran = await runCli(['device', 'provision', '--help']);
    expect(ran.stdout).toContain('-h, --host <host>');
    expect(ran.stdout).toContain('    --help');
  });

  it('behind -- everything is a word', async () => {
    const ran = await runCli(['supplier', 'create', '--', '--json', 'x']);
    expect(ran.stderr).toContain('"x" is one word too many');
  });
});
