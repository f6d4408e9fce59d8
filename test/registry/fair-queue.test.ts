import { expect, it } from 'vitest';
import { FairQueue, peerOf } from '../../src/registry/fair-queue.ts';

const refusal = () => new Error('refused');

it('peers take turns, a failed job holds up nobody, and jobs of one peer keep their order', async () => {
  const queue = new FairQueue({ max: 10, maxPerPeer: 3 });
  const order: string[] = [];
  const job = (peer: string, name: string) =>
    queue.run(
      peer,
      async () => {
        order.push(name);
        if (name === 'a2') throw new Error('failed');
      },
      refusal,
    );
  const all = [job('a', 'a1'), job('a', 'a2'), job('a', 'a3'), job('a', 'a4'), job('a', 'a5'), job('b', 'b1')];
  const ends = await Promise.allSettled(all);
  expect(order).toEqual(['a1', 'a2', 'b1', 'a3', 'a4']);
  expect(ends.map(({ status }) => status[0])).toEqual(['f', 'r', 'f', 'f', 'r', 'f']);
  expect(await queue.run('a', async () => 7, refusal)).toBe(7);
});

it('a full queue gives the place of whoever has most to a peer without one, and refuses when none has two', async () => {
  const queue = new FairQueue({ max: 3, maxPerPeer: 3 });
  const job = (peer: string) => queue.run(peer, async () => peer, refusal);
  const all = [job('work'), job('a'), job('a'), job('b'), job('c'), job('d'), job('a')];
  const ends = await Promise.allSettled(all);
  expect(ends.map(({ status }) => status[0]).join('')).toBe('ffrffrr');
});

it('an IPv6 network of 64 bits is one peer, an IPv4 address is one in either spelling', () => {
  expect(peerOf('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2');
  expect(peerOf('2001:db8:1:2::9')).toBe('2001:db8:1:2');
  expect(peerOf('2001:db8::9')).toBe('2001:db8:0:0');
  expect(peerOf('::1')).toBe('0:0:0:0');
  expect(peerOf('192.0.2.1')).toBe('192.0.2.1');
  expect(peerOf('::ffff:192.0.2.1')).not.toBe(peerOf('::ffff:192.0.2.2'));
});
