import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Bus, BusMessage, RunId } from '../../../src/cluster/bus.ts';
import { MAX_BUS_MESSAGE_BYTES } from '../../../src/cluster/bus.ts';
import type { DeviceId } from '../../../src/model/ids.ts';

export interface BusWorld {
  join(): Promise<Bus>;
  close(): Promise<void>;
}

const DEVICE = '784f394c-42b6-435a-983c-b7beff2784f9' as DeviceId;

/** What one bus hears, with a way to wait for it. */
export function hearing(bus: Bus) {
  const heard: { message: BusMessage; from: RunId }[] = [];
  let changed = (): void => {};
  bus.subscribe((message, from) => {
    heard.push({ message, from });
    changed();
  });
  return {
    heard,
    async count(wanted: number, deadlineMs = 10_000): Promise<typeof heard> {
      const until = Date.now() + deadlineMs;
      while (heard.length < wanted) {
        const left = until - Date.now();
        if (left <= 0) throw new Error(`heard ${heard.length} of ${wanted} messages`);
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, left);
          changed = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      return heard;
    },
  };
}

export const pushOf = (text: string): BusMessage => ({ type: 'push', device: DEVICE, text });
export const textsOf = (heard: readonly { message: BusMessage }[]): string[] =>
  heard.map(({ message }) => (message.type === 'push' ? message.text : message.type));

/** What every bus keeps; `make` gives a fresh one for each test. */
export function busConformance(name: string, make: () => Promise<BusWorld>): void {
  describe(`bus: ${name}`, () => {
    let world: BusWorld;
    beforeEach(async () => {
      world = await make();
    });
    afterEach(() => world.close());

    it('a message to one run reaches that run alone, with its sender', async () => {
      const [a, b, c] = [await world.join(), await world.join(), await world.join()];
      const [atB, atC] = [hearing(b), hearing(c)];
      await a.publish(b.self, pushOf('for b'));
      await a.publish('all', pushOf('for all'));
      await atB.count(2);
      await atC.count(1);
      expect(textsOf(atB.heard)).toHaveLength(2);
      expect(textsOf(atB.heard)).toContain('for b');
      expect(textsOf(atC.heard)).toEqual(['for all']);
      expect(atC.heard[0]?.from).toBe(a.self);
    });

    it('a message to all does not come back to its sender', async () => {
      const [a, b] = [await world.join(), await world.join()];
      const [atA, atB] = [hearing(a), hearing(b)];
      await a.publish('all', pushOf('1'));
      await a.publish(a.self, pushOf('2'));
      await atB.count(1);
      await b.publish('all', pushOf('3'));
      await atA.count(1);
      expect(textsOf(atA.heard)).toEqual(['3']);
    });

    it('messages of one sender to one target come in their order', async () => {
      const [a, b] = [await world.join(), await world.join()];
      const atB = hearing(b);
      const texts = Array.from({ length: 2_000 }, (_, at) => String(at));
      await Promise.all(texts.map((text) => a.publish(b.self, pushOf(text))));
      await atB.count(texts.length);
      expect(textsOf(atB.heard)).toEqual(texts);
    });

    it('a message to a run that has ended is nobody’s trouble', async () => {
      const [a, b] = [await world.join(), await world.join()];
      await b.close();
      await expect(a.publish(b.self, pushOf('too late'))).resolves.toBeUndefined();
      await expect(a.publish('nobody.x.y' as RunId, pushOf('nobody'))).resolves.toBeUndefined();
    });

    it('who joins later hears nothing of before', async () => {
      const [a, b] = [await world.join(), await world.join()];
      const atB = hearing(b);
      await a.publish('all', pushOf('early'));
      await atB.count(1);
      const c = await world.join();
      const atC = hearing(c);
      await a.publish('all', pushOf('late'));
      await atC.count(1);
      expect(textsOf(atC.heard)).toEqual(['late']);
    });

    it('a message that is too large is refused', async () => {
      const [a] = [await world.join(), await world.join()];
      await expect(a.publish('all', pushOf('x'.repeat(MAX_BUS_MESSAGE_BYTES)))).rejects.toMatchObject({
        code: 'BAD_REQUEST',
      });
    });

    it('any text goes through as it is', async () => {
      const [a, b] = [await world.join(), await world.join()];
      const atB = hearing(b);
      const text = '{"__proto__":1,"é":"\u0000\u2028😀"}';
      await a.publish(b.self, { type: 'push', device: DEVICE, text, deleted: ['__proto__', ''] });
      await atB.count(1);
      expect(atB.heard[0]?.message).toEqual({ type: 'push', device: DEVICE, text, deleted: ['__proto__', ''] });
    });
  });
}
