import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runCli } from './run-cli.ts';

const cwd = (): string => mkdtempSync(join(tmpdir(), 'gm-cli-'));
const KEY = 'planted-0123456789-abcdefghijklmnop';

describe('config check', () => {
  it('ends with 0 for the defaults', async () => {
    expect(await runCli(['config', 'check'], { cwd: cwd() })).toMatchObject({
      code: 0,
      stdout: 'configuration: fine\n',
    });
  });

  it('names a mistyped variable and ends with 1', async () => {
    const ran = await runCli(['config', 'check'], { cwd: cwd(), env: { MQTT_BIND_PROT: '1' } });
    expect(ran.code).toBe(1);
    expect(ran.stdout).toContain('did you mean MQTT_BIND_PORT?');
  });
});

describe('config show', () => {
  it('shows values and sources, and no secret', async () => {
    const dir = cwd();
    writeFileSync(join(dir, 'gm.json'), JSON.stringify({ http: { bindPort: 9 }, instance: { adminKey: KEY } }));
    const env = { MQTT_BIND_PORT: '0', GRIDMOOR_SECRET_KEY: KEY };
    const ran = await runCli(['config', 'show', '-c', 'gm.json'], { cwd: dir, env });
    expect(ran.code).toBe(0);
    expect(ran.stdout).toContain('MQTT_BIND_PORT\t0\tMQTT_BIND_PORT\n');
    expect(ran.stdout).toContain('HTTP_BIND_PORT\t9\tgm.json\n');
    expect(ran.stdout).toContain('GRIDMOOR_SECRET_KEY\t[redacted]\tGRIDMOOR_SECRET_KEY\n');
    expect(ran.stdout).toContain('MQTT_SSL_BIND_PORT\t8883\tdefault\n');
    expect(ran.stdout + ran.stderr).not.toContain(KEY);
    const shown = JSON.parse((await runCli(['config', 'show', '--json'], { cwd: dir, env })).stdout);
    expect(shown.settings).toContainEqual({
      at: '/mqtt/bindPort',
      env: 'MQTT_BIND_PORT',
      value: 0,
      source: { kind: 'environment', name: 'MQTT_BIND_PORT' },
    });
    expect(JSON.stringify(shown)).not.toContain(KEY);
  });

  it('tells the findings instead when there are some', async () => {
    expect((await runCli(['config', 'show'], { cwd: cwd(), env: { REDIS_URL: 'http://x' } })).code).toBe(1);
  });
});
