import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../helpers/broker.ts';
import { MqttClient } from '../helpers/mqtt-client.ts';
import { api, deviceId, newDevice } from '../helpers/system.ts';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const CHAINS = fileURLToPath(new URL('../../rule-chains', import.meta.url));

interface Ran {
  readonly code: number | string | null;
  readonly stdout: string;
  readonly stderr: string;
}

type Case = readonly [code: number, says: RegExp, args: readonly string[], env?: Record<string, string>];

describe('a command line that is typed wrongly, and answers that are odd', () => {
  let broker: Broker;
  let folder: string;

  const gridmoor = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ran> =>
    new Promise((done) => {
      const all = {
        PATH: process.env.PATH,
        GRIDMOOR_URL: broker.url,
        GRIDMOOR_ADMIN_KEY: broker.adminKey,
        ...env,
      };
      execFile(process.execPath, [MAIN, ...args], { cwd: folder, env: all, timeout: 20_000 }, (error, stdout, stderr) =>
        done({ code: error ? (error.code ?? null) : 0, stdout, stderr }),
      );
    });

  /** Runs all, three at a time. */
  async function each<T>(cases: readonly T[], run: (one: T) => Promise<void>): Promise<void> {
    const waiting = [...cases];
    const next = async (): Promise<void> => {
      for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) await run(one);
    };
    await Promise.all([next(), next(), next()]);
  }

  async function judge(cases: readonly Case[]): Promise<void> {
    await each(cases, async ([code, says, args, env]) => {
      const ran = await gridmoor(args, env);
      const said = ran.stdout + ran.stderr;
      const bad = /planted|\n {4}at |node:internal|undefined/.exec(said)?.[0];
      expect({ args, code: ran.code, says: says.test(said) || said, bad }).toEqual({
        args,
        code,
        says: true,
        bad: undefined,
      });
    });
  }

  beforeAll(async () => {
    broker = await startBroker();
    folder = mkdtempSync(join(tmpdir(), 'gridmoor-cli-'));
    const userName = await newDevice(broker, 'meter-1');
    await using client = await MqttClient.connect({ port: broker.ports.mqtt, userName });
    await client.publish('v1/devices/me/telemetry', '{"ts":9007199254740991,"values":{"far":18446744073709551615}}');
    await client.publish('v1/devices/me/telemetry', '{"ts":-9007199254740991,"values":{"past":1.50}}');
    await client.publish('v1/devices/me/attributes', '{"big":12345678901234567890,"nested":{"n":42.0}}');
    const odd = { '\u001b[2J\r\n<b>': '\u001b[31mred\u009b0m\u202e' };
    const id = await deviceId(broker, 'meter-1');
    await api(broker, `/api/plugins/telemetry/DEVICE/${id}/SERVER_SCOPE`, { method: 'POST', body: odd });
  });
  afterAll(async () => {
    await broker[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  it('usage mistakes end with 2, refusals with 1, silence with 3; never with a stack', async () => {
    const token = join(folder, 'token');
    writeFileSync(token, 'planted-token-0123456789');
    const cases: readonly Case[] = [
      [2, /there is no "--json"/, ['--json']],
      [2, /there is no "__proto__"/, ['__proto__']],
      [2, /there is no "constructor"/, ['device', 'constructor']],
      [2, /<device> is missing/, ['device', 'show']],
      [2, /one word too many/, ['device', 'show', 'a', 'b']],
      [2, /there is no flag "--jsn"/, ['device', 'list', '--jsn']],
      [2, /takes no value/, ['device', 'list', '--json=yes']],
      [2, /--page takes a whole number/, ['device', 'list', '--page', '-1']],
      [1, /query \/page: must be <=/, ['device', 'list', '--page', '99999999999']],
      [1, /There is no device/, ['device', 'show', '../../etc/passwd']],
      [1, /too long/, ['device', 'show', 'x'.repeat(9_000)]],
      [2, /must not be empty, "\."/, ['device', 'rotate', '..']],
      [1, /markup/, ['supplier', 'create', '<b>']],
      [1, /graceSeconds/, ['supplier', 'rotate', 'nobody', '--grace', '9007199254740991']],
      [2, /whole seconds/, ['supplier', 'rotate', 'nobody', '--grace', '1e99']],
      [2, /whole seconds/, ['supplier', 'rotate', 'nobody', '--grace', '1.5']],
      [1, /ttlSeconds/, ['apikey', 'create', 'k', '--days', '1e300']],
      [1, /administrator, operator/, ['apikey', 'create', 'k', '--role', 'root']],
      [
        2,
        /exclude each other/,
        ['device', 'create', 'd', '--profile', 'smart-meter', '--token-file', token, '--client-id', 'c'],
      ],
      [2, /cannot be read \(EISDIR\)/, ['device', 'create', 'd', '--profile', 'smart-meter', '--token-file', folder]],
      [2, /too long for a secret/, ['device', 'create', 'd', '--profile', 'smart-meter', '--token-file', '/dev/zero']],
      [2, /cannot be written/, ['schema', '--out', '/dev/null']],
      [1, /no such file or folder/, ['chain', 'lint', 'nowhere']],
      [1, /is not a regular file/, ['chain', 'lint', '/dev/zero']],
      [1, /is not a regular file/, ['profile', 'lint', '/dev/zero']],
      [1, /There is no chain "x"/, ['chain', 'graph', '--chain', 'x', CHAINS]],
      [1, /is not a regular file/, ['config', 'show', '-c', folder]],
      [2, /not an http or https URL/, ['device', 'list'], { GRIDMOOR_URL: 'ftp://x' }],
      [2, /must not hold a user name/, ['device', 'list'], { GRIDMOOR_URL: 'http://u:planted@x' }],
      [3, /No answer from/, ['device', 'list'], { GRIDMOOR_URL: `http://127.0.0.1:${broker.ports.mqtt}` }],
      [2, /one word of ASCII/, ['device', 'list'], { GRIDMOOR_ADMIN_KEY: 'planted-key\nin-two-lines' }],
      [2, /one word of ASCII/, ['device', 'list'], { GRIDMOOR_ADMIN_KEY: 'planted-kéy-€' }],
      [1, /does not know the key/, ['device', 'list'], { GRIDMOOR_ADMIN_KEY: 'planted-wrong-key-0123456789' }],
      [1, /too long for a key/, ['device', 'list'], { GRIDMOOR_ADMIN_KEY: '', GRIDMOOR_ADMIN_KEY_FILE: '/dev/zero' }],
      [
        1,
        /NOT_FOUND/,
        ['device', 'provision', 'd', '--key', 'smart-meter', '-p', String(broker.ports.http)],
        { PROVISION_SECRET: 'planted-wrong-secret' },
      ],
    ];
    await judge(cases);
  });

  it('files and trees: the same', async () => {
    const there = join(folder, 'there');
    writeFileSync(there, 'planted');
    await judge([
      [1, /is larger than \d+ bytes: split it/, ['device', 'import', '/dev/zero']],
      [1, /cannot be read: EISDIR/, ['tree', 'import', 'grid', folder]],
      [1, /needs a column "entity"/, ['tree', 'import', 'grid', '/dev/null']],
      [2, /--parent <node> or --top/, ['tree', 'move', 'grid', 'DEVICE:meter-1']],
      [1, /must be DEVICE:<id or name>/, ['tree', 'show', 'grid', 'meter-1']],
      [1, /"__proto__"|no such tree/, ['tree', 'show', '__proto__']],
      [1, /is the name of a secret/, ['device', 'export', '-', '--attributes', 'server:password']],
      [2, /is there already/, ['device', 'export', there]],
      [1, /window: "9y" is not a valid value/, ['statistics', 'messages', '--window', '9y']],
      [1, /no such metric/, ['statistics', 'messages', '--metric', 'constructor']],
      [1, /is larger than 65536 bytes/, ['deviceconfig', 'set', 'meter-1', '/dev/zero']],
      [1, /is not JSON/, ['deviceconfig', 'set', 'meter-1', '/dev/null']],
    ]);
  });

  it('a device with odd keys, times and numbers is shown whole, and nothing of it acts on the terminal', async () => {
    const { code, stdout } = await gridmoor(['device', 'show', 'meter-1']);
    expect(code).toBe(0);
    expect(stdout.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202e]/u);
    expect(stdout).toContain('attribute ?[2J??<b>:');
    expect(stdout).toContain('?[31mred?0m?');
    expect(stdout).toContain('12345678901234567890');
    expect(stdout).toContain('{"n":42.0}');
    expect(stdout).toMatch(/latest far: +18446744073709551615 at 9007199254740991 ms/);
    expect(stdout).toMatch(/latest past: +1\.50 at -9007199254740991 ms/);
  });

  it('--json keeps every digit', async () => {
    const { code, stdout } = await gridmoor(['device', 'show', 'meter-1', '--json']);
    expect(code).toBe(0);
    expect(stdout).toContain('"value": 12345678901234567890');
    expect(stdout).toMatch(/"n": 42\.0\b/);
    expect(() => JSON.parse(stdout)).not.toThrow();
  });

  it('a full disk on standard output is told once and ends with 1', () => {
    const full = openSync('/dev/full', 'w');
    const ran = spawnSync(process.execPath, [MAIN, 'chain', 'test', CHAINS], {
      env: { PATH: process.env.PATH },
      stdio: ['ignore', full, 'pipe'],
      encoding: 'utf8',
    });
    closeSync(full);
    expect([ran.status, ran.stderr]).toEqual([1, 'Standard output cannot be written (ENOSPC).\n']);
  });

  it('a secret may come through a pipe of the shell', () => {
    const line = `"${process.execPath}" "${MAIN}" device create piped --profile smart-meter --token-file <(echo a-token-of-its-own)`;
    const env = { PATH: process.env.PATH, GRIDMOOR_URL: broker.url, GRIDMOOR_ADMIN_KEY: broker.adminKey };
    const stdio = ['ignore', 'pipe', 'pipe'] as const;
    expect(execFileSync('bash', ['-c', line], { env, stdio: [...stdio], encoding: 'utf8' })).toContain(
      'a-token-of-its-own',
    );
  });
});
