import { describe, expect, it } from 'vitest';
import { OriginatorQueue } from '../../src/device-api/originator-queue.ts';
import type { DeviceId } from '../../src/model/ids.ts';
import { withResolvers } from '../helpers/promises.ts';

const a = 'a' as DeviceId;
const b = 'b' as DeviceId;

describe('originator queue', () => {
  it('keeps the order of one originator over jobs of any length', async () => {
    const queue = new OriginatorQueue({ maxWaiting: 1000, maxWaitingTotal: 1000 });
    const order: number[] = [];
    for (let i = 0; i < 200; i++) {
      queue.run(a, () => {
        if (i % 3 === 0) {
          order.push(i);
          return undefined;
        }
        return new Promise<void>((resolve) =>
          setImmediate(() => {
            order.push(i);
            resolve();
          }),
        );
      });
    }
    await queue.whenIdle();
    expect(order).toEqual(Array.from({ length: 200 }, (_, i) => i));
    expect(queue.waiting).toBe(0);
  });

  it('lets originators run independently', async () => {
    const queue = new OriginatorQueue({ maxWaiting: 10, maxWaitingTotal: 10 });
    const gate = withResolvers();
    let other = false;
    queue.run(a, () => gate.promise);
    queue.run(b, () => {
      other = true;
      return undefined;
    });
    expect(other).toBe(true);
    gate.resolve();
    await queue.whenIdle();
  });

  it('runs a job at once, without an entry, when it needs no promise', () => {
    const queue = new OriginatorQueue({ maxWaiting: 1, maxWaitingTotal: 1 });
    let runs = 0;
    for (let i = 0; i < 3; i++) {
      queue.run(a, () => {
        runs++;
        return undefined;
      });
    }
    expect(runs).toBe(3);
  });

  it('refuses beyond the bounds, per originator and in all', async () => {
    const queue = new OriginatorQueue({ maxWaiting: 2, maxWaitingTotal: 3 });
    const gate = withResolvers();
    const wait = () => gate.promise;
    const nothing = () => undefined;
    expect(queue.run(a, wait)).toBe(true);
    expect(queue.run(a, nothing)).toBe(true);
    expect(queue.run(a, nothing)).toBe(true);
    expect(queue.run(a, nothing)).toBe(false);
    expect(queue.run(b, wait)).toBe(true);
    expect(queue.run(b, nothing)).toBe(true);
    expect(queue.run(b, nothing)).toBe(false);
    gate.resolve();
    await queue.whenIdle();
    expect(queue.run(b, nothing)).toBe(true);
  });
});
