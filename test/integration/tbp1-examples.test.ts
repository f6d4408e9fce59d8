import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../helpers/broker.ts';

const run = promisify(execFile);
const hasTool = (tool: string): boolean => spawnSync('sh', ['-c', `command -v ${tool}`]).status === 0;
const DIR = join(import.meta.dirname, '../../examples/tbp1');
const CLAIMS = '{"credentialsType":"ACCESS_TOKEN"}';
/** registration-protocols 1.12. */
const VECTOR = {
  PROVISION_KEY: 'pk-demo',
  PROVISION_SECRET: 'psec-demo-0123456789',
  TIMESTAMP: '1700000000000',
  NONCE: 'n0nce-00112233445566778899',
};
const N1 = '512775c28e975caf457dbdb8f8010fe646624907cdba1aa089d9325fa76a2b13';
const N2 = 'efd8a70740e0c9b32e4fd2dcd0484c518be5650f78f394bde6eed4fcc31bd1de';
const N3 = '8f0425ac3dffcf1001df67194d80badbb3b6893a8c202ba34bd053b360649182';

async function output(file: string, args: readonly string[], env: Readonly<Record<string, string>>): Promise<string> {
  const { PATH = '' } = process.env;
  return (await run(file, [...args], { env: { PATH, ...env }, timeout: 30_000 })).stdout.trim();
}
const example = (name: string) => join(DIR, name);

describe('examples/tbp1', () => {
  let broker: Broker;
  let built: string;
  beforeAll(async () => {
    built = await mkdtemp(join(tmpdir(), 'gridmoor-tbp1-'));
    broker = await startBroker();
  });
  afterAll(async () => {
    await broker[Symbol.asyncDispose]();
    await rm(built, { recursive: true, force: true });
  });

  it.skipIf(!hasTool('openssl'))('bash: N1, N2 and N3 (needs openssl)', async () => {
    const dry = { ...VECTOR, DRY_RUN: '1' };
    const request = JSON.parse(await output('bash', [example('provision.sh'), 'meter-0001'], dry));
    expect(request).toMatchObject({ sign: N1, claims: CLAIMS, timestamp: 1_700_000_000_000 });
    expect(await output('bash', [example('device-key.sh'), 'meter-0001'], VECTOR)).toBe(N2);
    const derived = await output('bash', [example('provision.sh'), 'meter-0001'], { ...dry, DEVICE_KEY: N2 });
    expect(JSON.parse(derived)).toMatchObject({ sign: N3 });
  });

  it.skipIf(!hasTool('python3'))('Python: N1 and N3 (needs python3)', async () => {
    const dry = { ...VECTOR, DRY_RUN: '1' };
    const signed = async (env: Readonly<Record<string, string>>) =>
      JSON.parse(await output('python3', [example('provision.py'), 'meter-0001'], env)) as { sign: string };
    expect((await signed(dry)).sign).toBe(N1);
    expect((await signed({ ...dry, DEVICE_KEY: N2 })).sign).toBe(N3);
  });

  it.skipIf(!hasTool('cc'))('C: N1 and N3, without a warning of the compiler (needs cc)', async () => {
    const program = join(built, 'tbp1');
    const flags = ['-std=c99', '-Wall', '-Wextra', '-Werror', '-O2'];
    await run('cc', [...flags, '-o', program, example('tbp1.c')]);
    const args = ['pk-demo', 'meter-0001', VECTOR.TIMESTAMP, VECTOR.NONCE, CLAIMS];
    expect(await output(program, args, VECTOR)).toBe(N1);
    expect(await output(program, args, { DEVICE_KEY: N2 })).toBe(N3);
    await expect(output(program, args, { DEVICE_KEY: 'short' })).rejects.toThrow();
  });

  it.skipIf(!hasTool('mosquitto_rr'))('bash and mosquitto onboard a device (needs mosquitto_rr)', async () => {
    const env = {
      PROVISION_KEY: 'smart-meter',
      PROVISION_SECRET: broker.provisionSecret,
      MQTT_PORT: String(broker.ports.mqtt),
    };
    const answer = await output('bash', [example('provision.sh'), 'meter by bash'], env);
    expect(JSON.parse(answer)).toMatchObject({ status: 'SUCCESS' });
  });

  it.skipIf(!hasTool('python3'))('Python onboards a device over HTTP (needs python3)', async () => {
    const { provisionSecret, url } = broker;
    const key = { PROVISION_KEY: 'smart-meter', PROVISION_SECRET: provisionSecret };
    const answer = await output('python3', [example('provision.py'), 'meter-py'], { ...key, GRIDMOOR_URL: url });
    expect(JSON.parse(answer)).toMatchObject({ status: 'SUCCESS' });
  });
});
