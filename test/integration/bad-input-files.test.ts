import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../helpers/broker.ts';
import { newDevice } from '../helpers/system.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const TLS = join(ROOT, 'test/fixtures/tls');
const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;

interface Start {
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  readonly uid?: number;
}

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `serve` until it ends; one that starts all the same, or hangs, is killed and has the code null. */
async function serve(folder: string, { env = {}, args = [], uid }: Start): Promise<Ended> {
  const child = spawn(process.execPath, [join(ROOT, 'dist/main.js'), 'serve', ...args], {
    cwd: folder,
    ...(uid === undefined ? {} : { uid, gid: uid }),
    env: {
      PATH: process.env.PATH,
      MQTT_BIND_ADDRESS: '127.0.0.1',
      MQTT_BIND_PORT: '0',
      HTTP_BIND_ADDRESS: '127.0.0.1',
      HTTP_BIND_PORT: '0',
      COAP_BIND_PORT: '0',
      GRIDMOOR_DATA_DIR: join(folder, 'data'),
      GRIDMOOR_PROFILES_DIR: join(ROOT, 'device-profiles'),
      GRIDMOOR_CHAINS_DIR: join(ROOT, 'rule-chains'),
      PROVISION_SECRET_SMART_METER: 'planted-provision-secret-0123456789',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    said.stdout += String(chunk);
    if (said.stdout.includes('"event":"ready"')) child.kill('SIGKILL');
  });
  child.stderr.on('data', (chunk) => {
    said.stderr += String(chunk);
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
  const [code] = (await once(child, 'close')) as [number | null];
  clearTimeout(timer);
  return { code, ...said };
}

let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'gridmoor-bad-files-'));
  chmodSync(scratch, 0o755);
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const newFolder = (): string => mkdtempSync(join(scratch, 'f-'));
const shipped = (folder: string, name: 'device-profiles' | 'rule-chains'): string => {
  cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  return join(folder, name);
};
/** A key file of the data directory with these bytes; undefined makes it a pipe. */
function keyFile(folder: string, name: 'instance.key' | 'admin.key', bytes?: string | Buffer): Start {
  mkdirSync(join(folder, 'data'));
  const path = join(folder, 'data', name);
  if (bytes === undefined) execFileSync('mkfifo', [path]);
  else writeFileSync(path, bytes);
  return {};
}

/** Writes a file and gives its path. */
function written(folder: string, name: string, bytes: string | Buffer): string {
  writeFileSync(join(folder, name), bytes);
  return join(folder, name);
}

const tls = (cert: string, key: string) => ({
  MQTT_SSL_ENABLED: 'true',
  MQTT_SSL_BIND_PORT: '0',
  MQTT_SSL_PEM_CERT: cert,
  MQTT_SSL_PEM_KEY: key,
});

describe('a start that cannot be', () => {
  /** What stands in the way, and what the one line on standard error must name. */
  const cases: readonly (readonly [string, (folder: string) => Start, code: 1 | 2, ...names: readonly RegExp[]])[] = [
    [
      'a file as data directory',
      (f) => ({ env: { GRIDMOOR_DATA_DIR: written(f, 'file', '') } }),
      1,
      /f-\w+\/file/,
      /EEXIST/,
    ],
    [
      'an instance key that is a pipe',
      (f) => keyFile(f, 'instance.key'),
      1,
      /data\/instance\.key/,
      /not a regular file/,
    ],
    [
      'an instance key of random bytes',
      (f) => keyFile(f, 'instance.key', randomBytes(200)),
      1,
      /data\/instance\.key/,
      /damaged/,
    ],
    [
      'an administrator key of two lines',
      (f) => keyFile(f, 'admin.key', 'planted-first-line-0123\nplanted-second-line'),
      1,
      /data\/admin\.key/,
      /one line/,
    ],
    [
      'an administrator key that no header can carry',
      () => ({ env: { GRIDMOOR_ADMIN_KEY: 'planted key with späces' } }),
      1,
      /GRIDMOOR_ADMIN_KEY/,
    ],
    [
      'an MQTT address that is none',
      () => ({ env: { MQTT_BIND_ADDRESS: 'no.such.host.invalid' } }),
      1,
      /MQTT_BIND_ADDRESS/,
    ],
    [
      'an HTTP address of another machine',
      () => ({ env: { HTTP_BIND_ADDRESS: '192.0.2.1' } }),
      1,
      /192\.0\.2\.1/,
      /HTTP_BIND_ADDRESS/,
    ],
    [
      'a certificate that is none',
      (f) => ({ env: tls(written(f, 'c.pem', 'garbage'), join(TLS, 'key.pem')) }),
      1,
      /MQTT_SSL_PEM_CERT/,
    ],
    [
      'an empty private key',
      (f) => ({ env: tls(join(TLS, 'cert.pem'), written(f, 'k.pem', '')) }),
      1,
      /MQTT_SSL_PEM_KEY/,
      /is empty/,
    ],
    [
      'a chain folder with a pipe in it',
      (f) => {
        const chains = shipped(f, 'rule-chains');
        execFileSync('mkfifo', [join(chains, 'pipe.json')]);
        return { env: { GRIDMOOR_CHAINS_DIR: chains } };
      },
      1,
      /pipe\.json.*not a regular file/,
    ],
    [
      'a distributor table that is a pipe',
      (f) => {
        const chains = shipped(f, 'rule-chains');
        rmSync(join(chains, 'lookups/distributors.json'));
        execFileSync('mkfifo', [join(chains, 'lookups/distributors.json')]);
        return { env: { GRIDMOOR_CHAINS_DIR: chains } };
      },
      1,
      /onboarding\.json.*distributors\.json.*not a regular file/,
    ],
    [
      'a chain in Latin-1',
      (f) => {
        const chain = join(shipped(f, 'rule-chains'), 'onboarding.json');
        writeFileSync(chain, Buffer.from(readFileSync(chain, 'utf8').replace('moors a', 'möors a'), 'latin1'));
        return { env: { GRIDMOOR_CHAINS_DIR: join(f, 'rule-chains') } };
      },
      1,
      /onboarding\.json.*UTF-8/,
    ],
    [
      'a profile in UTF-16',
      (f) => {
        const profile = join(shipped(f, 'device-profiles'), 'smart-meter.json');
        writeFileSync(profile, Buffer.from(readFileSync(profile, 'utf8'), 'utf16le'));
        return { env: { GRIDMOOR_PROFILES_DIR: join(f, 'device-profiles') } };
      },
      1,
      /smart-meter\.json.*not a text file/,
    ],
    [
      'a profile whose words act on a terminal',
      (f) => {
        const profiles = shipped(f, 'device-profiles');
        writeFileSync(join(profiles, 'x.json'), '{"name":"x","\\u001b[2J\\nevil: error":1}');
        return { env: { GRIDMOOR_PROFILES_DIR: profiles } };
      },
      1,
      /x\.json.*unknown field "\?\[2J\?evil: error"/,
    ],
    [
      'nonsense in every kind of setting',
      () => ({
        env: {
          MQTT_BIND_PORT: 'planted-port',
          HTTP_BIND_PORT: '65536',
          LOG_LEVEL: 'loud',
          GRIDMOOR_STORE_SYNC: 'maybe',
          GRIDMOOR_DEVICE_MESSAGES: 'a:b',
          GRIDMOOR_ADMIN_KEY: 'planted',
          GRIDMOOR_SECRET_KEY: 'planted',
          GRIDMOOR_ADMIN_KYE: 'planted-in-a-typo-0123456789',
        },
        args: ['--data-dri', 'x', '--admin-key', 'planted-on-the-command-line'],
      }),
      2,
      /MQTT_BIND_PORT: error: must be a number/,
      /HTTP_BIND_PORT: error: must be <= 65535/,
      /LOG_LEVEL.*one of: trace/,
      /GRIDMOOR_STORE_SYNC.*true or false/,
      /GRIDMOOR_DEVICE_MESSAGES.*for example 100:1/,
      /GRIDMOOR_ADMIN_KEY: error/,
      /GRIDMOOR_SECRET_KEY: error/,
      /GRIDMOOR_ADMIN_KYE.*did you mean GRIDMOOR_ADMIN_KEY/,
      /--data-dri.*did you mean --data-dir/,
      /--admin-key.*can be seen by every user/,
    ],
  ];

  it('says what stands in the way and in which setting or file, without a stack, a secret or a wait', async () => {
    const waiting = [...cases];
    const next = async (): Promise<void> => {
      for (let one = waiting.shift(); one; one = waiting.shift()) {
        const [what, prepare, code, ...names] = one;
        const folder = newFolder();
        const ended = await serve(folder, prepare(folder));
        const missing = names.filter((name) => !name.test(ended.stderr)).map(String);
        // The value of a number's setting may be quoted; that of a secret never.
        const said = (ended.stdout + ended.stderr).replace('"planted-port"', '');
        const bad = /planted|\n? {4}at |"stack"|INTERNAL|undefined|uncaught/.exec(said)?.[0];
        expect({ what, code: ended.code, missing, bad, ...(missing.length > 0 || bad ? ended : {}) }).toEqual({
          what,
          code,
          missing: [],
          bad: undefined,
        });
      }
    };
    await Promise.all([next(), next(), next()]);
  });

  it('a taken port is named with its setting, on every listener; nothing stays locked', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as { port: number };
    const folder = newFolder();
    const all = { ...tls(join(TLS, 'cert.pem'), join(TLS, 'key.pem')), MQTT_WS_BIND_PORT: '0' };
    for (const setting of ['MQTT_BIND_PORT', 'MQTT_SSL_BIND_PORT', 'HTTP_BIND_PORT', 'MQTT_WS_BIND_PORT']) {
      const ended = await serve(folder, { env: { ...all, [setting]: String(port) } });
      expect([ended.code, ended.stderr]).toEqual([1, expect.stringMatching(`127.0.0.1:${port}.*${setting}`)]);
      expect(ended.stdout + ended.stderr).not.toMatch(/ {4}at |uncaught/);
    }
    holder.close();
    await once(holder, 'close');
    expect((await serve(folder, { env: all })).stdout).toContain('"event":"ready"');
  });

  it('files that this user may not read are named (run as nobody: root may read everything)', async (context) => {
    if (!isRoot) context.skip('only root can run a process as another user');
    const folder = newFolder();
    const profiles = shipped(folder, 'device-profiles');
    chmodSync(join(profiles, 'smart-meter.json'), 0);
    mkdirSync(join(folder, 'data'));
    chownSync(join(folder, 'data'), NOBODY, NOBODY);
    chmodSync(folder, 0o755);
    const unread = await serve(folder, { uid: NOBODY, env: { GRIDMOOR_PROFILES_DIR: profiles } });
    if (/EACCES.*dist|Cannot find module/.test(unread.stderr)) context.skip('nobody may not read this checkout');
    expect(unread).toMatchObject({ code: 1, stderr: expect.stringMatching(/smart-meter\.json.*permission denied/) });
    const closed = newFolder();
    mkdirSync(join(closed, 'data'));
    chmodSync(closed, 0o755);
    const unwritable = await serve(closed, { uid: NOBODY });
    expect(unwritable.code).toBe(1);
    expect(unwritable.stderr).toMatch(/f-\w+\/data/);
    expect(unwritable.stdout + unwritable.stderr).not.toMatch(/ {4}at |INTERNAL/);
  });
});

describe('folders that change while it runs', () => {
  let broker: Broker;
  let folder: string;
  /** Why changed files are not in force; '' when they are. */
  const problem = async (): Promise<string> => {
    const body = (await (await fetch(`${broker.url}/readyz`)).json()) as {
      checks: { name: string; problem?: string }[];
    };
    return body.checks.find(({ name }) => name === 'files')?.problem ?? '';
  };
  const shown = async (wanted: RegExp): Promise<void> => {
    const end = performance.now() + 10_000;
    for (let said = await problem(); !wanted.test(said); said = await problem()) {
      if (performance.now() > end) throw new Error(`readyz says "${said}", not ${wanted}`);
      await new Promise((done) => setTimeout(done, 50));
    }
  };

  beforeAll(async () => {
    folder = newFolder();
    mkdirSync(join(folder, 'release-1'));
    shipped(join(folder, 'release-1'), 'rule-chains');
    symlinkSync('release-1', join(folder, 'current'));
    broker = await startBroker({
      profilesDir: shipped(folder, 'device-profiles'),
      chainsDir: join(folder, 'current', 'rule-chains'),
    });
  });
  afterAll(async () => {
    await broker[Symbol.asyncDispose]();
  });

  it('a removed profile folder: the old profiles serve and readyz says why; brought back, changes in it are heard again', async () => {
    const profiles = join(folder, 'device-profiles');
    rmSync(profiles, { recursive: true });
    await shown(/device-profiles.*ENOENT/);
    await newDevice(broker, 'without-the-folder');
    shipped(folder, 'device-profiles');
    await shown(/^$/);
    writeFileSync(join(profiles, 'broken.json'), '{');
    await shown(/broken\.json/);
    rmSync(join(profiles, 'broken.json'));
    await shown(/^$/);
  });

  it('a folder behind a link that is turned to another release is watched there', async () => {
    mkdirSync(join(folder, 'release-2'));
    const chains = shipped(join(folder, 'release-2'), 'rule-chains');
    writeFileSync(join(chains, 'broken.json'), '{');
    symlinkSync('release-2', join(folder, 'next'));
    renameSync(join(folder, 'next'), join(folder, 'current'));
    await shown(/current\/rule-chains\/broken\.json/);
    rmSync(join(chains, 'broken.json'));
    await shown(/^$/);
  });

  it('a pipe among the chains is refused and gone again; the event loop never waits for it', async () => {
    const pipe = join(folder, 'current', 'rule-chains', 'pipe.json');
    execFileSync('mkfifo', [pipe]);
    await shown(/pipe\.json.*not a regular file/);
    await newDevice(broker, 'beside-a-pipe');
    rmSync(pipe);
    await shown(/^$/);
  });
});
