import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig, redactConfig } from '../../src/config/index.ts';
import { Secret } from '../../src/model/secret.ts';

const KEY = 'planted-0123456789-abcdefghijklmnop';
const tempDir = (): string => mkdtempSync(join(tmpdir(), 'gm-config-'));

async function load(env: Record<string, string> = {}, argv: string[] = [], file?: unknown, cwd = tempDir()) {
  if (file !== undefined)
    writeFileSync(join(cwd, 'gridmoor.json'), typeof file === 'string' ? file : JSON.stringify(file));
  return { result: await loadConfig({ env, argv, cwd }), cwd };
}

async function config(...given: Parameters<typeof load>) {
  const { result, cwd } = await load(...given);
  if (!result.ok) throw new Error(JSON.stringify(result.issues));
  return { ...result, cwd };
}

async function issues(...given: Parameters<typeof load>) {
  const { result } = await load(...given);
  if (result.ok) throw new Error('the configuration was accepted');
  return result.issues;
}

describe('config: sources', () => {
  it('has a full default configuration with absolute paths', async () => {
    const { config: full, cwd } = await config();
    expect(full.mqtt).toMatchObject({
      bindAddress: '0.0.0.0',
      bindPort: 1883,
      sslEnabled: false,
      wsBindPort: undefined,
    });
    expect(full.http).toMatchObject({ bindAddress: '0.0.0.0', bindPort: 8080 });
    expect(full.files.dataDir).toBe(join(cwd, 'data'));
    expect(full.instance.id).not.toBe('');
    expect(full.store.sync).toBe(true);
  });

  it('takes flags over environment over gridmoor.json over defaults, and says which', async () => {
    const file = { mqtt: { bindPort: 1, maxConnections: 5, wsBindPort: 6 }, log: { level: 'debug' } };
    const env = { MQTT_BIND_PORT: '2', MQTT_MAX_CONNECTIONS: '7', LOG_LEVEL: '' };
    const { config: full, sources } = await config(env, ['--mqtt-bind-port', '3'], file);
    expect([full.mqtt.bindPort, full.mqtt.maxConnections, full.mqtt.wsBindPort]).toEqual([3, 7, 6]);
    expect(full.log.level).toBe('debug');
    expect(sources['/mqtt/bindPort']).toEqual({ kind: 'flag', name: '--mqtt-bind-port' });
    expect(sources['/mqtt/maxConnections']).toEqual({ kind: 'environment', name: 'MQTT_MAX_CONNECTIONS' });
    expect(sources['/mqtt/wsBindPort']).toEqual({ kind: 'file', name: 'gridmoor.json' });
    expect(sources['/http/bindPort']).toEqual({ kind: 'default' });
  });

  it('reads the flag forms -p 1, --name=value, --flag, --no-flag and -c file', async () => {
    const cwd = tempDir();
    writeFileSync(join(cwd, 'other.json'), '{"http":{"bindPort":9}}');
    const argv = ['-p', '1', '--log-level=warn', '--no-store-sync', '-c', 'other.json'];
    const { config: full } = await config({}, argv, undefined, cwd);
    expect([full.mqtt.bindPort, full.log.level, full.store.sync, full.http.bindPort]).toEqual([1, 'warn', false, 9]);
  });

  it('falls back to the shipped folders only where the working directory has none', async () => {
    const cwd = tempDir();
    mkdirSync(join(cwd, 'device-profiles'));
    const { config: full } = await config({}, [], undefined, cwd);
    expect(full.files.profilesDir).toBe(join(cwd, 'device-profiles'));
    expect(full.files.chainsDir).toBe(join(import.meta.dirname, '../../rule-chains'));
  });

  it('takes relative paths of a file from its own folder', async () => {
    const cwd = tempDir();
    mkdirSync(join(cwd, 'etc'));
    writeFileSync(join(cwd, 'etc', 'gm.json'), '{"files":{"dataDir":"store"}}');
    const { config: full } = await config({ GRIDMOOR_CONFIG: 'etc/gm.json' }, [], undefined, cwd);
    expect(full.files.dataDir).toBe(join(cwd, 'etc', 'store'));
  });
});

describe('config: secrets', () => {
  it('come as Secret from the environment, a NAME_FILE and the file, and are never shown', async () => {
    const cwd = tempDir();
    writeFileSync(join(cwd, 'key'), `${KEY}\n`);
    const {
      config: full,
      sources,
      warnings,
    } = await config({ GRIDMOOR_SECRET_KEY_FILE: 'key' }, [], { instance: { adminKey: KEY } }, cwd);
    expect(full.instance.secretKey).toBeInstanceOf(Secret);
    expect(full.instance.secretKey?.reveal()).toBe(KEY);
    expect(full.instance.adminKey?.reveal()).toBe(KEY);
    expect(warnings.map((issue) => issue.rule)).toEqual(['literal-secret']);
    const shown = redactConfig(full, sources);
    expect(JSON.stringify([full, shown, warnings])).not.toContain(KEY);
    expect(shown.find((setting) => setting.at === '/instance/adminKey')?.value).toBe('[redacted]');
    expect(shown.find((setting) => setting.at === '/mqtt/sslPemKeyPassword')?.value).toBeUndefined();
  });

  it('are refused when far too short, of several lines, on the command line, or given twice; weak ones are warned of', async () => {
    const cwd = tempDir();
    writeFileSync(join(cwd, 'two'), `${KEY}\n${KEY}\n`);
    const rules = async (...given: Parameters<typeof load>) => (await issues(...given)).map((issue) => issue.rule);
    expect(await rules({ GRIDMOOR_SECRET_KEY: 'short' })).toEqual(['invalid-value']);
    for (const weak of [{ GRIDMOOR_SECRET_KEY: 'a'.repeat(40) }, { GRIDMOOR_ADMIN_KEY: 'admin-key' }]) {
      const { warnings } = await config(weak);
      expect(warnings.map(({ rule, level }) => [rule, level])).toEqual([['weak-secret', 'warning']]);
    }
    expect(await rules({ GRIDMOOR_SECRET_KEY_FILE: 'two' }, [], undefined, cwd)).toEqual(['invalid-value']);
    expect(await rules({ GRIDMOOR_SECRET_KEY_FILE: 'none' }, [], undefined, cwd)).toEqual(['secret-file']);
    expect(await rules({}, ['--admin-key', KEY])).toEqual(['secret-on-command-line']);
    expect(await rules({ GRIDMOOR_ADMIN_KEY: KEY, GRIDMOOR_ADMIN_KEY_FILE: 'x' })).toContain('two-sources');
  });

  it('do not appear in any finding', async () => {
    const found = await issues(
      { GRIDMOOR_SECRET_KEY: `${KEY}\n`, GRIDMOOR_ADMIN_KEY: 'planted', MQTT_BIND_PORT: 'x' },
      ['--secret-key', KEY],
      { instance: { adminKey: ['planted'], secretKey: 5 } },
    );
    expect(found.length).toBeGreaterThan(3);
    expect(JSON.stringify(found)).not.toContain('planted');
  });
});

describe('config: bad input', () => {
  it('names the nearest valid name for unknown variables, flags and keys', async () => {
    const found = await issues({ MQTT_BIN_PORT: '1884' }, ['--htp-bind-port', '1'], { mqtt: { bindport: 5 } });
    expect(found.map(({ file, at, hint }) => `${file} ${at} ${hint}`)).toEqual([
      'flag --htp-bind-port  did you mean --http-bind-port?',
      'environment MQTT_BIN_PORT  did you mean MQTT_BIND_PORT?',
      'gridmoor.json /mqtt/bindport did you mean "bindPort"?',
    ]);
  });

  it('leaves variables of other programs and of container platforms alone', async () => {
    const env = {
      HTTP_PROXY: 'http://proxy:3128',
      MQTT_PORT: 'tcp://10.0.0.1:1883',
      MQTT_SERVICE_HOST: '10.0.0.1',
      GRIDMOOR_PORT_1883_TCP_ADDR: '10.0.0.1',
      GRIDMOOR_SERVICE_PORT_MQTT: '1883',
      GRIDMOOR_URL: 'http://127.0.0.1:8080',
      REDIS_PORT: 'tcp://10.0.0.1:6379',
      REDIS_SERVICE_HOST: '10.0.0.1',
      PATH: '/bin',
    };
    expect((await config(env)).warnings).toEqual([]);
  });

  it.each([
    ['MQTT_BIND_PORT', '65536', 'invalid-value'],
    ['MQTT_BIND_PORT', '18 83', 'wrong-type'],
    ['MQTT_BIND_PORT', '0x10', 'wrong-type'],
    ['MQTT_BIND_PORT', '1.5', 'wrong-type'],
    ['GRIDMOOR_STORE_SYNC', 'maybe', 'wrong-type'],
    ['LOG_LEVEL', 'inof', 'unknown-word'],
    ['GRIDMOOR_DEVICE_MESSAGES', '100:0', 'invalid-rate'],
    ['GRIDMOOR_INSTANCE_ID', 'a b', 'invalid-value'],
    ['MQTT_WS_BIND_PORT', '8080', 'port-twice'],
  ])('%s=%s gives %s', async (name, value, rule) => {
    expect((await issues({ [name]: value })).map((issue) => issue.rule)).toEqual([rule]);
  });

  it('refuses TLS without readable files', async () => {
    const found = await issues({ MQTT_SSL_ENABLED: 'true', MQTT_SSL_PEM_CERT: '/nowhere.pem' });
    expect(found.map((issue) => issue.rule)).toEqual(['unreadable', 'missing-field']);
  });

  it.each([
    ['nothing', '', 'empty-file'],
    ['half a text', '{"mqtt":', 'invalid-json'],
    ['text behind the end', '{"mqtt":{"bindPort":1}} x', 'invalid-json'],
    ['an array', '[]', 'wrong-type'],
    ['an array as section', '{"mqtt":[]}', 'wrong-type'],
    ['NUL bytes', '\0\0', 'not-text'],
    ['deep nesting', '['.repeat(100), 'invalid-json'],
    ['a prototype', '{"__proto__":{"x":1}}', 'unknown-field'],
    ['2 MB', ' '.repeat(2_000_000), 'too-large'],
  ])('a gridmoor.json with %s is refused', async (_name, text, rule) => {
    expect((await issues({}, [], text)).map((issue) => issue.rule)).toEqual([rule]);
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });

  it('refuses a key that stands twice in the file, by its place', async () => {
    const [first] = await issues({}, [], '{"mqtt":{"bindPort":1,\n"bindPort":2}}');
    expect(first).toMatchObject({ file: 'gridmoor.json', problem: expect.stringMatching(/twice.*line 2, column 1/) });
  });

  it('names an asked-for configuration file that is missing', async () => {
    const [issue] = await issues({}, ['--config', 'none.json']);
    expect(issue).toMatchObject({ file: 'none.json', rule: 'unreadable' });
  });
});

describe('config: workers', () => {
  const redis = { REDIS_URL: 'redis://127.0.0.1:6379', GRIDMOOR_INSTANCE_ID: 'a' };
  const findings = async (env: Record<string, string>, argv: string[] = []) =>
    (await issues({ ...redis, ...env }, argv))
      .filter(({ level }) => level === 'error')
      .map(({ at, file, rule }) => `${at || file} ${rule}`);

  it('is 1, or what --workers or GRIDMOOR_WORKERS says', async () => {
    expect((await config()).config.instance.workers).toBe(1);
    expect((await config({ ...redis, GRIDMOOR_WORKERS: '3' })).config.instance.workers).toBe(3);
    expect((await config({ ...redis, GRIDMOOR_WORKERS: '3' }, ['--workers', '2'])).config.instance.workers).toBe(2);
    expect((await config(redis, [], { instance: { workers: 2 } })).config.instance.workers).toBe(2);
  });

  it.each(['0', '65', '-1', '2.5', 'two', '1e1', '__proto__', ' '])('%j workers are refused', async (word) => {
    expect((await findings({}, [`--workers=${word}`])).join()).toContain('flag --workers');
    expect((await findings({ GRIDMOOR_WORKERS: word })).join()).toContain('environment GRIDMOOR_WORKERS');
  });

  it('the flag without a number is refused', async () => {
    expect(await findings({}, ['--workers'])).toHaveLength(1);
  });

  it('more than one needs a Redis, and the finding names REDIS_URL', async () => {
    const [issue, ...more] = await issues({ GRIDMOOR_WORKERS: '2' });
    expect(more).toEqual([]);
    expect(issue).toMatchObject({ at: '/instance/workers', rule: 'needs-redis', level: 'error' });
    expect(issue?.hint).toContain('REDIS_URL');
    expect((await config({ GRIDMOOR_WORKERS: '1' })).config.instance.workers).toBe(1);
  });

  it('an instance id that leaves no room for the number of the worker is refused', async () => {
    const env = { GRIDMOOR_INSTANCE_ID: 'x'.repeat(61), GRIDMOOR_WORKERS: '9' };
    expect((await config({ ...redis, ...env })).config.instance.id).toHaveLength(61);
    expect(await findings({ ...env, GRIDMOOR_WORKERS: '10' })).toEqual(['/instance/id invalid-value']);
  });
});
