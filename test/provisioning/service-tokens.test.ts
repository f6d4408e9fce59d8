import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { Secret } from '../../src/model/secret.ts';
import { createOnce } from '../../src/provisioning/once.ts';
import { createServiceTokens } from '../../src/provisioning/service-tokens.ts';
import { createServiceAccounts } from '../../src/registry/service-accounts.ts';
import { openRooms, type Rooms } from '../helpers/rooms.ts';

const KEYS = { accessKey: 'ak-demo', accessSecret: new Secret('as-demo-secret') };
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const requestOf = (timestamp: string) => ({
  appKey: 'ak-demo',
  timestamp,
  encryption: sha256(`ak-demo${timestamp}as-demo-secret`),
});

async function make({ storage, hash, clock }: Rooms, more: { skewMs?: number } = {}) {
  const { documents, audit } = storage;
  const accounts = createServiceAccounts({ documents, audit, hash, clock });
  await accounts.create({ name: 'rod-app', operations: ['create'], by: 'test', ...KEYS, ...more });
  const tokens = createServiceTokens({ accounts, documents, once: createOnce(documents, clock), hash, clock });
  const issue = async (timestamp: string) => {
    const issued = await tokens.issue(requestOf(timestamp));
    if (issued.kind === 'refused') throw new Error(`refused: ${issued.code}`);
    return issued;
  };
  const check = (accessToken: string) => {
    const timestamp = '1700000000000';
    const signature = sha256(`${accessToken}{}${timestamp}as-demo-secret`);
    return tokens.check({ accessToken, query: [], body: '{}', timestamp, signature });
  };
  return { accounts, tokens, issue, check };
}

it('a token lives for two hours; asked for meanwhile, it is the same with what is left', async () => {
  await using rooms = await openRooms();
  const { issue, check } = await make(rooms);
  const first = await issue('1');
  expect(first.expireSeconds).toBe(7200);
  rooms.clock.set(rooms.clock.now() + 7_000_000);
  expect(await issue('2')).toEqual({ ...first, expireSeconds: 200 });
  expect(await check(first.accessToken)).toMatchObject({ kind: 'account' });
  rooms.clock.set(rooms.clock.now() + 200_000);
  expect(await check(first.accessToken)).toEqual({ kind: 'expired' });
  expect((await issue('3')).accessToken).not.toBe(first.accessToken);
});

it('of two requests at a time both get the one token', async () => {
  await using rooms = await openRooms();
  const { issue } = await make(rooms);
  const issued = await Promise.all(['1', '2', '3', '4'].map(issue));
  expect(new Set(issued.map(({ accessToken }) => accessToken)).size).toBe(1);
});

it('a request is taken once, in capitals too', async () => {
  await using rooms = await openRooms();
  const { tokens, issue } = await make(rooms);
  await issue('1');
  const again = requestOf('1');
  expect(await tokens.issue(again)).toEqual({ kind: 'refused', code: 1001 });
  const capitals = { ...again, encryption: again.encryption.toUpperCase() };
  expect(await tokens.issue(capitals)).toEqual({ kind: 'refused', code: 1001 });
});

it('with a skew, the clock of a request may be off by it and no more', async () => {
  await using rooms = await openRooms();
  const { tokens, issue } = await make(rooms, { skewMs: 300_000 });
  const now = rooms.clock.now();
  await issue(String(now - 300_000));
  await issue(String(now + 300_000));
  for (const timestamp of [String(now - 300_001), String(now + 300_001), 'soon', 'NaN', '']) {
    expect(await tokens.issue(requestOf(timestamp))).toEqual({ kind: 'refused', code: 1003 });
  }
});

it('the store holds no token in clear', async () => {
  await using rooms = await openRooms();
  const { issue } = await make(rooms);
  const { accessToken } = await issue('1');
  const kinds = ['service-token', 'service-account-token', 'service-account', 'once'];
  for (const kind of kinds) {
    const stored = await rooms.storage.documents.list(kind, { limit: 100, now: rooms.clock.now() });
    expect(stored.length).toBeGreaterThan(0);
    expect(JSON.stringify(stored)).not.toContain(accessToken);
  }
});

it('a signature is wrong when anything it covers is another', async () => {
  await using rooms = await openRooms();
  const { tokens, issue } = await make(rooms);
  const { accessToken } = await issue('1');
  const signature = sha256(`${accessToken}a1b2{}1as-demo-secret`);
  const call = {
    accessToken,
    query: [
      ['b', '2'],
      ['a', '1'],
    ] as const,
    body: '{}',
    timestamp: '1',
    signature,
  };
  expect(await tokens.check(call)).toMatchObject({ kind: 'account' });
  for (const over of [
    { body: '{ }' },
    { timestamp: '2' },
    { query: [['a', '1']] as const },
    { signature: '' },
    { signature: signature.slice(2) },
    { signature: `${signature}00` },
  ]) {
    expect(await tokens.check({ ...call, ...over })).toEqual({ kind: 'wrong-signature' });
  }
});
