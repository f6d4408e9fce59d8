import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runCli } from '../cli/run-cli.ts';
import { type Broker, startBroker } from '../helpers/broker.ts';
import { attributes, newDevice } from '../helpers/system.ts';

let broker: Broker;
let dir: string;
const bytes = randomBytes(300_000);
const ota = (...args: string[]) =>
  runCli(['ota', ...args], { env: { GRIDMOOR_URL: broker.url, GRIDMOOR_ADMIN_KEY: broker.adminKey } });
const file = (name: string) => join(dir, name);
const upload = (name: string, version: string, ...more: string[]) =>
  ota('upload', file(name), '--title', 'meter', '--version', version, ...more);

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'gridmoor-ota-cli-'));
  await writeFile(file('fw.bin'), bytes);
  await writeFile(file('large.bin'), Buffer.alloc(400_001, 1));
  await writeFile(file('empty.bin'), '');
  broker = await startBroker({ env: { GRIDMOOR_OTA_MAX_PACKAGE_BYTES: '400000' } });
});
afterAll(async () => {
  await broker[Symbol.asyncDispose]();
  await rm(dir, { recursive: true, force: true });
});

it('a file becomes a package, is assigned, fetched as it was, withdrawn and deleted', async () => {
  const made = await upload('fw.bin', '2.1', '--json');
  expect(made.code).toBe(0);
  const { id, dataSize, fileName } = JSON.parse(made.stdout) as {
    id: { id: string };
    dataSize: number;
    fileName: string;
  };
  expect([dataSize, fileName]).toEqual([300_000, 'fw.bin']);
  const token = await newDevice(broker, 'm1');
  expect((await ota('assign', id.id, '--device', 'm1')).stdout).toBe('assigned meter 2.1\n');
  await expect.poll(() => attributes(broker, 'm1', 'SHARED_SCOPE')).toMatchObject({ fw_version: '2.1' });
  const fetched = await fetch(`${broker.url}/api/v1/${token}/firmware?title=meter&version=2.1`);
  expect(Buffer.from(await fetched.arrayBuffer()).equals(bytes)).toBe(true);
  expect((await ota('list')).stdout).toContain(`${id.id}\tfirmware\tmeter\t2.1\tall\t300000\t`);
  expect(await ota('delete', id.id)).toMatchObject({ code: 1 });
  expect((await ota('withdraw', '--device', 'm1')).stdout).toBe('withdrew the firmware\n');
  expect((await ota('assign', id.id, '--profile', 'smart-meter')).code).toBe(0);
  expect((await ota('withdraw', '--profile', 'smart-meter')).code).toBe(0);
  expect(await ota('delete', id.id)).toMatchObject({ code: 0 });
});

it('what cannot be uploaded leaves no package behind, and says why', async () => {
  const large = await upload('large.bin', '3', '--software');
  expect(large).toMatchObject({ code: 1, stderr: expect.stringContaining('400000') });
  expect((await ota('list')).stdout).toBe('');
  expect(await upload('empty.bin', '3')).toMatchObject({ code: 2, stderr: expect.stringContaining('is empty') });
  expect(await upload('none.bin', '3')).toMatchObject({ code: 2, stderr: expect.stringContaining('ENOENT') });
  expect(await upload('.', '3')).toMatchObject({ code: 2, stderr: expect.stringContaining('is not a file') });
});

it('words that are missing or too many are a usage error', async () => {
  expect(await ota('upload', file('fw.bin'), '--title', 't')).toMatchObject({ code: 2 });
  for (const words of [[], ['--device', 'a', '--profile', 'b']]) {
    expect(await ota('assign', 'x', ...words)).toMatchObject({ code: 2 });
    expect(await ota('withdraw', ...words)).toMatchObject({ code: 2 });
  }
  expect(await ota('assign', 'no-uuid', '--device', 'm')).toMatchObject({ code: 1 });
});
