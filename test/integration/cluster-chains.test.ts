import { cp, mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { eventually } from '../chaos/eventually.ts';
import type { Broker } from '../helpers/broker.ts';
import { startBrokers } from '../helpers/brokers.ts';

const shipped = resolve(import.meta.dirname, '../../rule-chains');
const BASE = '/api/gridmoor/chains';
const HISTORY = '/api/gridmoor/chain-generations';
const CANARY = '/api/gridmoor/chain-canary';

async function ownChains(): Promise<string> {
  const dir = join(await mkdtemp(join(tmpdir(), 'gridmoor-cluster-')), 'chains');
  await cp(shipped, dir, { recursive: true });
  return dir;
}

async function call(broker: Broker, method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
  const answer = await fetch(`${broker.url}${path}`, {
    method,
    headers: {
      'X-Authorization': `ApiKey ${broker.adminKey}`,
      'if-match': '*',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
}

it('chains that are put, rolled back or tried at one broker are so at the others, and at one that comes later', async () => {
  await using brokers = await startBrokers(0);
  const folders = [await ownChains(), await ownChains(), await ownChains()] as const;
  const a = await brokers.start({ chainsDir: folders[0] });
  const b = await brokers.start({ chainsDir: folders[1] });
  const inForce = async (broker: Broker): Promise<string> => {
    const history = (await call(broker, 'GET', HISTORY)) as unknown as {
      data: { id: string; inForce: boolean }[];
    };
    return history.data.find((line) => line.inForce)?.id ?? '';
  };
  const chain = JSON.parse(await readFile(join(folders[0], 'onboarding.json'), 'utf8')) as Record<string, unknown>;
  const first = await inForce(a);
  expect(await inForce(b)).toBe(first);

  const second = (await call(a, 'PUT', `${BASE}/onboarding`, { ...chain, description: 'second' })).generation;
  expect(second).not.toBe(first);
  await eventually('the second broker has the new chain', async () => (await inForce(b)) === second, 10_000);
  expect(await readFile(join(folders[1], 'onboarding.json'), 'utf8')).toContain('"second"');

  const c = await brokers.start({ chainsDir: folders[2] });
  await eventually(
    'a broker that comes later has the chain in force',
    async () => (await inForce(c)) === second,
    10_000,
  );

  await call(b, 'POST', `${HISTORY}/rollback`, { generation: first });
  await eventually('all are back', async () => (await inForce(a)) === first && (await inForce(c)) === first, 10_000);

  await call(b, 'PUT', `${BASE}/onboarding?percent=5`, { ...chain, description: 'third' });
  const trial = (broker: Broker) => call(broker, 'GET', CANARY);
  await eventually(
    'all try the candidate',
    async () => (await trial(a)).percent === 5 && (await trial(c)).percent === 5,
    10_000,
  );
  await call(c, 'POST', `${CANARY}/promote`);
  await eventually(
    'promoted',
    async () => (await trial(a)).ended === 'promoted' && (await trial(b)).ended === 'promoted',
    10_000,
  );
  const third = await inForce(c);
  await eventually('it is in force', async () => (await inForce(a)) === third && (await inForce(b)) === third, 10_000);
  expect(await readFile(join(folders[0], 'onboarding.json'), 'utf8')).toContain('"third"');
});
