import { cp, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { runCli } from '../cli/run-cli.ts';
import { startBroker } from '../helpers/broker.ts';
import { newDevice } from '../helpers/system.ts';

const shipped = resolve(import.meta.dirname, '../../rule-chains');

it('an engineer pushes a chain, sees where a message went, and rolls it back', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'gridmoor-live-'));
  const chainsDir = join(folder, 'chains');
  await cp(shipped, chainsDir, { recursive: true });
  await using broker = await startBroker({ chainsDir });
  const env = { GRIDMOOR_URL: broker.url, GRIDMOOR_ADMIN_KEY: broker.adminKey };
  const run = async (...argv: string[]) => {
    const ran = await runCli(argv, { env, cwd: folder });
    return { ...ran, all: ran.stdout + ran.stderr };
  };
  const mine = join(folder, 'mine.json');
  const chain = JSON.parse(await readFile(join(chainsDir, 'onboarding.json'), 'utf8'));

  await writeFile(mine, JSON.stringify({ ...chain, first: 'nowhere' }));
  const refused = await run('chain', 'push', mine);
  expect([refused.code, refused.all]).toEqual([1, expect.stringMatching(/onboarding\.json.*nowhere/s)]);

  await writeFile(mine, JSON.stringify({ ...chain, description: 'mine' }));
  const pushed = await run('chain', 'push', mine);
  expect([pushed.code, pushed.stderr]).toEqual([0, '']);
  expect(pushed.stdout).toMatch(/^"onboarding" is in force \([0-9a-f]{12}\)\.\n$/);
  const listed = JSON.parse((await run('chain', 'history', '--json')).stdout);
  expect(listed.data.map(({ by, inForce }: { by: string; inForce: boolean }) => [by, inForce])).toEqual([
    ['admin-key', true],
    ['files', false],
  ]);

  const token = await newDevice(broker, 'meter-1');
  expect((await run('explain', 'meter-1', '--trace', '30')).code).toBe(0);
  const sent = await fetch(`${broker.url}/api/v1/${token}/telemetry`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"power":230}',
  });
  expect(sent.status).toBe(200);
  const [line] = (await run('explain', 'meter-1')).stdout.split('\n');
  expect(line).toMatch(/meter-1\tPOST_TELEMETRY_REQUEST\tprocessed\tasked$/);
  const told = await run('explain', line?.split('\t')[0] ?? '');
  expect(told.stdout).toMatch(/onboarding\/by-type\tPost telemetry\t[\d.]+ ms/);
  expect(told.stdout).toContain('"power":230');
  const unknown = await run('explain', 'nobody');
  expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringContaining('Nothing is known of nobody')]);

  expect((await run('chain', 'rollback')).code).toBe(0);
  expect(JSON.parse(await readFile(join(chainsDir, 'onboarding.json'), 'utf8')).description).toBe(chain.description);
  await broker.restart('SIGTERM');
  const after = JSON.parse((await run('chain', 'history', '--json')).stdout);
  expect(after.data[0]).toMatchObject({ by: 'admin-key', inForce: true });
  expect((await run('chain', 'rollback', 'unknown')).code).toBe(1);
});

it('a trial is begun, shown, and given to every device', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'gridmoor-live-'));
  const chainsDir = join(folder, 'chains');
  await cp(shipped, chainsDir, { recursive: true });
  await using broker = await startBroker({ chainsDir });
  const env = { GRIDMOOR_URL: broker.url, GRIDMOOR_ADMIN_KEY: broker.adminKey };
  const run = (...argv: string[]) => runCli(argv, { env, cwd: folder });
  const chain = JSON.parse(await readFile(join(chainsDir, 'onboarding.json'), 'utf8'));
  await writeFile(join(folder, 'mine.json'), JSON.stringify({ ...chain, description: 'mine' }));
  expect((await run('chain', 'canary')).stdout).toBe('No chain is or was on trial.\n');
  const begun = await run('chain', 'push', 'mine.json', '--percent', '5');
  expect(begun.stdout).toMatch(/^5 % of the devices try "onboarding"/);
  expect((await run('chain', 'canary')).stdout).toMatch(/percent: +5\n/);
  expect((await run('chain', 'canary', 'promote')).code).toBe(0);
  expect((await run('chain', 'canary')).stdout).toBe('ended: promoted\n');
  expect((await run('chain', 'canary', 'abort')).code).toBe(1);
  for (const bad of [
    ['--percent', 'x'],
    ['--max-failures', '1'],
    ['--percent', '0'],
    ['--percent', '101'],
  ]) {
    expect((await run('chain', 'push', 'mine.json', ...bad)).code, bad.join(' ')).toBeGreaterThan(0);
  }
});

it('a broker starts with chains whose tests fail, and names them until they are mended', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'gridmoor-live-'));
  const chainsDir = join(folder, 'chains');
  await cp(shipped, chainsDir, { recursive: true });
  const file = join(chainsDir, 'onboarding.test.json');
  const good = await readFile(file, 'utf8');
  const tests = JSON.parse(good);
  tests.cases[0].then.outcome = 'dead-lettered';
  await writeFile(file, JSON.stringify(tests));
  await using broker = await startBroker({ chainsDir });
  const ready = async () => (await fetch(`${broker.url}/readyz`)).text();
  const until = async (words: string, there: boolean): Promise<void> => {
    while ((await ready()).includes(words) !== there) await new Promise((done) => setTimeout(done, 20));
  };
  await until(`onboarding.test.json: ${tests.cases[0].name}`, true);
  expect((await fetch(`${broker.url}/readyz`)).status).toBe(200);
  await writeFile(file, good);
  await until('chain tests fail', false);
});
