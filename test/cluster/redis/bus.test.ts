import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { inboxKey, KEYS } from '../../../src/cluster/redis/keys.ts';
import { eventually } from '../../chaos/eventually.ts';
import { busConformance, hearing, pushOf, textsOf } from '../../conformance/cluster/bus.ts';
import { startRedis, type TestRedis } from '../../helpers/redis.ts';
import { type Member, member } from './world.ts';

let redis: TestRedis;
let members: Member[] = [];

beforeAll(async () => {
  redis = await startRedis();
});
afterEach(async () => {
  await Promise.all(members.map((one) => one.close()));
  members = [];
  await redis.client.flushall();
});
afterAll(() => redis[Symbol.asyncDispose]());

const join = async (): Promise<Member> => {
  const one = await member(redis);
  members.push(one);
  return one;
};

/** Ends every connection of this name, as a network fault would. */
async function cut(name: string): Promise<void> {
  const list = String(await redis.client.call('client', 'list'));
  for (const line of list.split('\n')) {
    const id = /^id=(\d+) .* name=(\S+) /.exec(line);
    if (id?.[2] === name) await redis.client.call('client', 'kill', 'id', id[1] ?? '');
  }
}

busConformance('redis', async () => ({
  join: async () => (await join()).bus,
  close: async () => {},
}));

it('what is published while the reader is cut off comes after it, in order and once', async () => {
  const [a, b] = [await join(), await join()];
  const atB = hearing(b.bus);
  const texts = Array.from({ length: 600 }, (_, at) => String(at));
  for (const [at, text] of texts.entries()) {
    if (at % 100 === 50) await cut('gridmoor-inbox');
    await a.bus.publish(b.bus.self, pushOf(text));
  }
  await atB.count(texts.length);
  expect(textsOf(atB.heard)).toEqual(texts);
});

it('what is published while the sender is cut off comes once', async () => {
  const [a, b] = [await join(), await join()];
  const atB = hearing(b.bus);
  const texts = Array.from({ length: 2_000 }, (_, at) => String(at));
  const sent = texts.map((text) => a.bus.publish(b.bus.self, pushOf(text)));
  await cut('gridmoor-cluster');
  await Promise.all(sent);
  await atB.count(texts.length);
  expect(textsOf(atB.heard).sort()).toEqual([...texts].sort());
});

it('a reader that stays behind by more than its inbox keeps is told so', async () => {
  const [a, b] = [await join(), await join()];
  let gaps = 0;
  const told = new Promise<void>((resolve) => {
    b.bus.onGap(() => {
      gaps++;
      resolve();
    });
  });
  const atB = hearing(b.bus);
  await a.bus.publish(b.bus.self, pushOf('first'));
  await atB.count(1);
  const inbox = inboxKey(b.bus.self);
  await redis.client.multi().xadd(inbox, '*', 'from', 'x', 'id', '1', 'message', '{}').xtrim(inbox, 'MAXLEN', 0).exec();
  await cut('gridmoor-inbox');
  await told;
  expect(gaps).toBe(1);
});

it('a stream that was lost counts as a gap, and messages come again', async () => {
  const [a, b] = [await join(), await join()];
  const told = new Promise<void>((resolve) => b.bus.onGap(resolve));
  const atB = hearing(b.bus);
  await a.bus.publish(b.bus.self, pushOf('before'));
  await atB.count(1);
  await redis.client.flushall();
  await cut('gridmoor-inbox');
  await told;
  await eventually(
    'the inbox is there again',
    async () => (await redis.client.exists(inboxKey(b.bus.self))) === 1,
    5_000,
  );
  await a.bus.publish(b.bus.self, pushOf('after'));
  await atB.count(2);
  expect(textsOf(atB.heard)).toEqual(['before', 'after']);
});

it('entries of others and damaged ones are passed over', async () => {
  const [a, b] = [await join(), await join()];
  const atB = hearing(b.bus);
  const inbox = inboxKey(b.bus.self);
  const bad = [
    '',
    'null',
    '[]',
    '7',
    '{"type":"__proto__"}',
    '{"type":"kick"}',
    '{"type":"kick","device":1,"epoch":"x"}',
  ];
  for (const text of bad) await redis.client.xadd(inbox, '*', 'from', 'x', 'id', `i${text}`, 'message', text);
  await redis.client.xadd(inbox, '*', 'something', 'else');
  await a.bus.publish(b.bus.self, pushOf('good'));
  await atB.count(1);
  expect(textsOf(atB.heard)).toEqual(['good']);
});

it('every key of the bus expires, and an inbox is bounded', async () => {
  const [a, b] = [await join(), await join()];
  for (const key of [inboxKey(a.bus.self), inboxKey(b.bus.self), KEYS.toAll, KEYS.leader]) {
    expect(await redis.client.pttl(key)).toBeGreaterThan(0);
  }
  await b.bus.close();
  for (let some = 0; some < 24; some++) {
    await Promise.all(Array.from({ length: 500 }, () => a.bus.publish(b.bus.self, pushOf('x'))));
  }
  expect(await redis.client.xlen(inboxKey(b.bus.self))).toBeLessThan(10_500);
});
