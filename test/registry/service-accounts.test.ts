import { expect, it } from 'vitest';
import type { BrokerError } from '../../src/errors.ts';
import { Secret } from '../../src/model/secret.ts';
import { createServiceAccounts, type NewServiceAccount } from '../../src/registry/service-accounts.ts';
import { openRooms, type Rooms } from '../helpers/rooms.ts';

const NEW: NewServiceAccount = { name: 'rod-app', operations: ['create', 'get-own'], by: 'test' };

function make({ storage, hash, clock }: Rooms) {
  return createServiceAccounts({ documents: storage.documents, audit: storage.audit, hash, clock });
}
const codeOf = (thing: Promise<unknown>) =>
  thing.then(
    () => undefined,
    (error: BrokerError) => error.code,
  );

it('an account is found by its key with its secret, which the store holds only sealed', async () => {
  await using rooms = await openRooms();
  const accounts = make(rooms);
  const { account, accessSecret } = await accounts.create(NEW);
  const found = await accounts.byKey(account.accessKey);
  expect(found?.account).toEqual(account);
  expect(found?.accessSecret.reveal()).toBe(accessSecret.reveal());
  const stored = await rooms.storage.documents.get('service-account', 'rod-app', rooms.clock.now());
  expect(stored?.text).toContain(account.accessKey);
  expect(stored?.text).not.toContain(accessSecret.reveal());
});

it('key and secret may be given, for a fleet that has them', async () => {
  await using rooms = await openRooms();
  const accounts = make(rooms);
  await accounts.create({ ...NEW, accessKey: 'ak-demo', accessSecret: new Secret('as-demo-secret') });
  expect((await accounts.byKey('ak-demo'))?.accessSecret.reveal()).toBe('as-demo-secret');
  expect(await codeOf(accounts.create({ ...NEW, name: 'other', accessKey: 'ak-demo' }))).toBe('NAME_TAKEN');
  expect(await codeOf(accounts.create(NEW))).toBe('NAME_TAKEN');
});

it('an account that is switched off, has expired or is deleted is not found', async () => {
  await using rooms = await openRooms();
  const accounts = make(rooms);
  const { account } = await accounts.create({ ...NEW, ttlMs: 1_000 });
  await accounts.setEnabled('rod-app', false, 'test');
  expect(await accounts.byKey(account.accessKey)).toBeUndefined();
  await accounts.setEnabled('rod-app', true, 'test');
  expect(await accounts.byKey(account.accessKey)).toBeDefined();
  rooms.clock.set(rooms.clock.now() + 1_000);
  expect(await accounts.byKey(account.accessKey)).toBeUndefined();
  const second = await accounts.create({ ...NEW, name: 'second' });
  await accounts.remove('second', 'test');
  expect(await accounts.byKey(second.account.accessKey)).toBeUndefined();
  expect((await accounts.list()).map(({ name }) => name)).toEqual(['rod-app']);
  expect(await codeOf(accounts.remove('second', 'test'))).toBe('NOT_FOUND');
});

it.each([
  ['an empty name', { name: ' ' }],
  ['no operation', { operations: [] }],
  ['a key with a separator', { accessKey: 'a/b/c/d' }],
  ['a short secret', { accessSecret: new Secret('short') }],
  ['a secret of other characters', { accessSecret: new Secret('secret with spaces') }],
  ['a profile without a name', { profiles: [''] }],
])('%s is refused', async (_what, over) => {
  await using rooms = await openRooms();
  expect(await codeOf(make(rooms).create({ ...NEW, ...over }))).toBe('BAD_REQUEST');
  expect(await make(rooms).list()).toEqual([]);
});

it('names and keys of other forms are looked up without a fault', async () => {
  await using rooms = await openRooms();
  const accounts = make(rooms);
  for (const key of ['', '__proto__', '\0', 'a'.repeat(10_000), 'service account']) {
    expect(await accounts.byKey(key)).toBeUndefined();
    expect(await codeOf(accounts.setEnabled(key, false, 'test'))).toBe('NOT_FOUND');
  }
});
