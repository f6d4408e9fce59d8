import { createSocket } from 'node:dgram';
import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { freePort, startApi } from './fake-api.ts';
import { runCli } from './run-cli.ts';

const chains = join(process.cwd(), 'rule-chains');
const profiles = join(process.cwd(), 'device-profiles');

async function freshEnv(): Promise<{ readonly cwd: string; readonly env: Record<string, string> }> {
  const cwd = mkdtempSync(join(tmpdir(), 'gridmoor-doctor-'));
  return {
    cwd,
    env: {
      GRIDMOOR_CHAINS_DIR: chains,
      GRIDMOOR_PROFILES_DIR: profiles,
      MQTT_BIND_ADDRESS: '127.0.0.1',
      MQTT_BIND_PORT: String(await freePort()),
      HTTP_BIND_ADDRESS: '127.0.0.1',
      HTTP_BIND_PORT: String(await freePort()),
      COAP_BIND_ADDRESS: '127.0.0.1',
      COAP_BIND_PORT: '0',
      MQTT_MAX_CONNECTIONS: '10',
    },
  };
}

describe('doctor', () => {
  it('before the first start nothing fails, and it says that no instance runs', async () => {
    const { cwd, env } = await freshEnv();
    const ran = await runCli(['doctor'], { cwd, env });
    expect(ran.stdout).not.toMatch(/^fail/m);
    expect(ran.stdout).toMatch(/^ok {4}data directory: .*will be made at the first start/m);
    expect(ran.stdout).toMatch(/^warn {2}instance: none answers .* -> npx gridmoor serve/m);
    expect(ran.code).toBe(0);
  });

  it('names a mistyped setting with its repair', async () => {
    const { cwd, env } = await freshEnv();
    const ran = await runCli(['doctor'], { cwd, env: { ...env, MQTT_BIND_PROT: '1' } });
    expect(ran.code).toBe(1);
    expect(ran.stdout).toMatch(/^fail {2}configuration: .*MQTT_BIND_PROT.* -> .*MQTT_BIND_PORT/m);
  });

  it('a key file that others can read fails, with the command that repairs it', async () => {
    const { cwd, env } = await freshEnv();
    mkdirSync(join(cwd, 'data'), { mode: 0o700 });
    const path = join(cwd, 'data', 'admin.key');
    writeFileSync(path, 'x');
    chmodSync(path, 0o644);
    const ran = await runCli(['doctor'], { cwd, env });
    expect(ran.code).toBe(1);
    expect(ran.stdout).toContain(`fail  key file: ${path} can be read by others (mode 644) -> chmod 600 ${path}\n`);
    chmodSync(path, 0o600);
    expect((await runCli(['doctor'], { cwd, env })).code).toBe(0);
  });

  it('a data directory that is open to others is a warning, a file in its place a failure', async () => {
    const { cwd, env } = await freshEnv();
    mkdirSync(join(cwd, 'data'));
    chmodSync(join(cwd, 'data'), 0o755);
    expect((await runCli(['doctor'], { cwd, env })).stdout).toMatch(
      /^warn {2}data directory: .*mode 755.* -> chmod 700/m,
    );
    writeFileSync(join(cwd, 'a-file'), '');
    const ran = await runCli(['doctor'], { cwd, env: { ...env, GRIDMOOR_DATA_DIR: 'a-file' } });
    expect(ran.stdout).toMatch(/^fail {2}data directory: .*is no directory/m);
  });

  it('names who holds a port', async () => {
    const { cwd, env } = await freshEnv();
    const holder = createServer();
    await new Promise<void>((done) => holder.listen(Number(env.MQTT_BIND_PORT), '127.0.0.1', done));
    const ran = await runCli(['doctor'], { cwd, env });
    await new Promise((done) => holder.close(done));
    expect(ran.code).toBe(1);
    expect(ran.stdout).toMatch(/^fail {2}port MQTT: 127\.0\.0\.1:\d+ is held by .* -> .*MQTT_BIND_PORT$/m);
    if (process.platform === 'linux') expect(ran.stdout).toContain(`(process ${process.pid})`);
  });

  it('says that the UDP port of CoAP is taken', async () => {
    const { cwd, env } = await freshEnv();
    const holder = createSocket('udp4');
    await new Promise<void>((done) => holder.bind(0, '127.0.0.1', done));
    const { port } = holder.address();
    const ran = await runCli(['doctor'], { cwd, env: { ...env, COAP_BIND_PORT: String(port) } });
    await new Promise<void>((done) => holder.close(done));
    expect(ran.stdout).toContain(`fail  port CoAP: 127.0.0.1:${port} is held by `);
    if (process.platform === 'linux') expect(ran.stdout).toContain(`(process ${process.pid})`);
    expect(ran.code).toBe(1);
  });

  it('a running instance may hold the ports; why it is not ready is told', async () => {
    const { cwd, env } = await freshEnv();
    const body = { ready: false, checks: [{ name: 'files', ok: false, problem: 'a chain\nwas refused' }] };
    await using api = await startApi({
      'GET /healthz': { body: { status: 'up', uptimeMs: 1 } },
      'GET /readyz': { status: 503, body },
    });
    const ran = await runCli(['doctor', '--json'], { cwd, env: { ...env, HTTP_BIND_PORT: String(api.port) } });
    const lines = await runCli(['doctor'], { cwd, env: { ...env, HTTP_BIND_PORT: String(api.port) } });
    expect(lines.stdout).toContain('is not ready: files: a chain; was refused -> see the log');
    const { findings } = JSON.parse(ran.stdout);
    expect(findings).toContainEqual(expect.objectContaining({ check: 'port HTTP', level: 'ok' }));
    expect(findings).toContainEqual(
      expect.objectContaining({
        check: 'instance',
        level: 'fail',
        found: `http://127.0.0.1:${api.port} is not ready: files: a chain\nwas refused`,
      }),
    );
  });

  it('an instance that serves with its former files is warned of, with the reason', async () => {
    const { cwd, env } = await freshEnv();
    const body = { ready: true, checks: [{ name: 'files', ok: false, problem: 'a chain was refused' }] };
    await using api = await startApi({
      'GET /healthz': { body: { status: 'up', uptimeMs: 1 } },
      'GET /readyz': { body },
    });
    const ran = await runCli(['doctor'], { cwd, env: { ...env, HTTP_BIND_PORT: String(api.port) } });
    expect(ran.stdout).toMatch(/^warn {2}instance: .* is ready, but files: a chain was refused -> mend the files/m);
  });
});
