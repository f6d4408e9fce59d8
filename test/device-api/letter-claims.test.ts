import { afterEach, beforeEach, expect, it } from 'vitest';
import { CLAIM_MS, claimLetters } from '../../src/device-api/letter-claims.ts';
import { createLog } from '../../src/observe/index.ts';
import { openRooms, type Rooms } from '../helpers/rooms.ts';

let rooms: Rooms;
beforeEach(async () => {
  rooms = await openRooms();
});
afterEach(() => rooms[Symbol.asyncDispose]());

/** An instance, whose tries end when they are told to. */
function instance() {
  const tried: string[] = [];
  const ends: (() => void)[] = [];
  const retry = claimLetters(
    (id) => {
      tried.push(id);
      return new Promise((resolve) => ends.push(() => resolve('processed')));
    },
    { documents: rooms.storage.documents, clock: rooms.clock, log: createLog({ level: 'silent' }) },
  );
  return { retry, tried, end: () => ends.shift()?.() };
}

it('a letter that one instance tries is under way for the others, until it has its outcome', async () => {
  const [a, b] = [instance(), instance()];
  const first = a.retry('m-1~a node "of any" name');
  await expect.poll(() => a.tried).toHaveLength(1);
  expect(await b.retry('m-1~a node "of any" name')).toBe('under-way');
  const other = b.retry('m-2~n');
  await expect.poll(() => b.tried).toEqual(['m-2~n']);
  a.end();
  b.end();
  expect(await Promise.all([first, other])).toEqual(['processed', 'processed']);
  const again = b.retry('m-1~a node "of any" name');
  await expect.poll(() => b.tried).toHaveLength(2);
  b.end();
  expect(await again).toBe('processed');
});

it('of an instance that died a letter is free again after a while', async () => {
  const [dead, b] = [instance(), instance()];
  void dead.retry('m-1~n');
  await expect.poll(() => dead.tried).toHaveLength(1);
  expect(await b.retry('m-1~n')).toBe('under-way');
  rooms.clock.set(rooms.clock.now() + CLAIM_MS);
  void b.retry('m-1~n');
  await expect.poll(() => b.tried).toHaveLength(1);
});

it('a try that outlasts its claim leaves the claim of the next instance alone', async () => {
  const [slow, b, c] = [instance(), instance(), instance()];
  const first = slow.retry('m-1~n');
  await expect.poll(() => slow.tried).toHaveLength(1);
  rooms.clock.set(rooms.clock.now() + CLAIM_MS);
  void b.retry('m-1~n');
  await expect.poll(() => b.tried).toHaveLength(1);
  slow.end();
  expect(await first).toBe('processed');
  const third = c.retry('m-1~n');
  await expect.poll(() => Promise.race([third, c.tried.length])).toBe('under-way');
});
