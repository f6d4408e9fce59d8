import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type WaitingEnd, WaitingMessages } from '../../src/device-api/waiting-messages.ts';
import { TENANT } from '../../src/model/entity.ts';
import { createLog } from '../../src/observe/index.ts';
import type { StoredMessage } from '../../src/storage/message-store.ts';
import { openRooms, type Rooms } from '../helpers/rooms.ts';

let rooms: Rooms;
let ran: { readonly message: StoredMessage; readonly done: (end: WaitingEnd) => void }[];
let room: boolean;
let waiting: WaitingMessages;
let changed: () => void;

beforeEach(async () => {
  rooms = await openRooms();
  ran = [];
  room = true;
  changed = () => {};
  waiting = new WaitingMessages({
    store: rooms.storage.messages,
    clock: rooms.clock,
    log: createLog({ level: 'silent' }),
    mine: (id) => !id.startsWith('other'),
    run(message, done) {
      changed();
      if (!room) return false;
      ran.push({ message, done });
      return true;
    },
  });
});
afterEach(async () => {
  await waiting.stop();
  await rooms[Symbol.asyncDispose]();
});

const message = (id: string, inMs = 0): StoredMessage => ({
  id,
  originator: TENANT,
  dueAt: rooms.clock.now() + inMs,
  chain: 'main',
  node: 'n',
  sealed: '',
});
const ids = () => ran.map(({ message: { id } }) => id);

/** Resolves when so many runs were asked for in all. */
const asked = (count: number): Promise<void> =>
  new Promise((resolve) => {
    let seen = ran.length;
    if (seen >= count) resolve();
    changed = () => {
      if (++seen >= count) resolve();
    };
  });

/** What the broker does when a message has its outcome. */
async function end(at: number): Promise<void> {
  const one = ran[at];
  if (!one) throw new Error(`nothing ran at ${at}`);
  await rooms.storage.messages.remove(one.message.id);
  one.done('ended');
}

describe('waiting messages', () => {
  it('go on at once when they are due and their source has ended', async () => {
    waiting.start();
    const one = message('one');
    expect(await waiting.put(one)).toBe('stored');
    expect(ids()).toEqual([]);
    waiting.begin(one);
    expect(ids()).toEqual(['one']);
  });

  it('what a former process left goes on after the start, the longest due first', async () => {
    for (const [id, inMs] of [
      ['second', -1],
      ['first', -2],
      ['later', 1_000_000],
    ] as const) {
      await rooms.storage.messages.put(message(id, inMs));
    }
    waiting.start();
    await asked(2);
    expect(ids()).toEqual(['first', 'second']);
  });

  it('one that runs is not started again by a look into the store', async () => {
    await rooms.storage.messages.put(message('old'));
    waiting.start();
    await asked(1);
    const one = message('new');
    await waiting.put(one);
    waiting.release(message('other')); // asks for a look
    await asked(1);
    await rooms.storage.messages.put(message('third'));
    waiting.release(message('other'));
    await asked(2);
    expect(ids()).toEqual(['old', 'third']);
    waiting.begin(one);
    expect(ids()).toEqual(['old', 'third', 'new']);
  });

  it('one whose source could not be stored goes on all the same', async () => {
    waiting.start();
    const one = message('one');
    await waiting.put(one);
    waiting.release(one);
    await asked(1);
    expect(ids()).toEqual(['one']);
  });

  it('one for which there was no room, and one whose outcome was not stored, are tried again', async () => {
    waiting.start();
    const one = message('one');
    await waiting.put(one);
    room = false;
    waiting.begin(one);
    room = true;
    await asked(1);
    ran[0]?.done('failed');
    await asked(2);
    expect(ids()).toEqual(['one', 'one']);
    await end(1);
  });

  it('more than one look takes go on as others end', async () => {
    for (let i = 0; i < 450; i++) await rooms.storage.messages.put(message(`m${i}`));
    waiting.start();
    await asked(200);
    for (let at = 0; at < 450; at++) {
      await asked(at + 1);
      await end(at);
    }
    expect(new Set(ids()).size).toBe(450);
    expect(ran).toHaveLength(450);
  });

  it('nothing starts after a stop, and what is due stays stored', async () => {
    waiting.start();
    const one = message('one');
    await waiting.put(one);
    await waiting.stop();
    waiting.begin(one);
    expect(ids()).toEqual([]);
    expect(await rooms.storage.messages.due(rooms.clock.now(), 5)).toMatchObject([{ id: 'one' }]);
  });
});

it('messages of other instances are left to them', async () => {
  await rooms.storage.messages.put(message('other-1'));
  await rooms.storage.messages.put(message('mine-1'));
  const once = asked(1);
  waiting.start();
  await once;
  expect(ids()).toEqual(['mine-1']);
});
