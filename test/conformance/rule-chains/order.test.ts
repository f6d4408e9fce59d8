import { describe, expect, it } from 'vitest';
import { OriginatorQueue } from '../../../src/device-api/originator-queue.ts';
import type { Msg } from '../../../src/model/msg.ts';
import type { RunOptions, RunResult } from '../../../src/rules/run.ts';
import { type ChainSet, loadSet } from '../../helpers/chain-set.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Messages through the queue of the broker, each under its device; gives the outcomes in the order they came. */
async function sendAll(set: ChainSet, msgs: readonly Partial<Msg>[], options: RunOptions = {}): Promise<RunResult[]> {
  const queue = new OriginatorQueue({ maxWaiting: 1000, maxWaitingTotal: 10_000 });
  const results: RunResult[] = [];
  for (const msg of msgs) {
    const originator = msg.originator ?? set.context.originator('meter-1');
    const accepted = queue.run(originator.id, () => {
      const result = set.run({ ...msg, originator }, options);
      if (!(result instanceof Promise)) {
        results.push(result);
        return undefined;
      }
      return result.then((one) => void results.push(one));
    });
    expect(accepted).toBe(true);
  }
  await queue.whenIdle();
  return results;
}

const chain = { main: { slow: { to: { Success: 'effect' } }, effect: {} } };

describe('order', () => {
  it('case 31: 100 attribute messages of one device with a slow node take effect in the order they came', async () => {
    const effects: string[] = [];
    const set = await loadSet(chain, {
      slow: async (msg) => {
        for (let i = Number(msg.id) % 5; i < 5; i++) await turn();
        return { relation: 'Success', msg };
      },
      effect: (msg) => void effects.push(msg.id),
    });
    const ids = Array.from({ length: 100 }, (_, i) => String(i));
    await sendAll(
      set,
      ids.map((id) => ({ id, type: 'POST_ATTRIBUTES_REQUEST' })),
    );
    expect(effects).toEqual(ids);
  });

  it('case 31: a slow message of one device does not hold up another device', async () => {
    const effects: string[] = [];
    let free: () => void = () => {};
    const held = new Promise<void>((resolve) => {
      free = resolve;
    });
    const set = await loadSet(chain, {
      slow: async (msg) => {
        if (msg.originator.name === 'a') await held;
        return { relation: 'Success', msg };
      },
      effect: (msg) => {
        effects.push(msg.id);
        if (msg.id === 'b2') free();
      },
    });
    const [a, b] = [set.context.originator('a'), set.context.originator('b')];
    await sendAll(set, [
      { id: 'a1', originator: a },
      { id: 'b1', originator: b },
      { id: 'b2', originator: b },
      { id: 'a2', originator: a },
    ]);
    expect(effects).toEqual(['b1', 'b2', 'a1', 'a2']);
  });

  it('case 32: a message that times out is dead-lettered, and the next of its device runs all the same', async () => {
    const effects: string[] = [];
    const set = await loadSet(chain, {
      slow: (msg) => (msg.id === 'first' ? new Promise(() => {}) : { relation: 'Success', msg }),
      effect: (msg) => void effects.push(msg.id),
    });
    const limits = { maxSteps: 0, deadlineMs: 20 };
    const results = await sendAll(set, [{ id: 'first' }, { id: 'second' }], { limits });
    expect(results.map(({ outcome }) => outcome)).toEqual(['dead-lettered', 'processed']);
    expect(results[0]).toMatchObject({
      letters: [
        {
          chain: 'main',
          node: 'slow',
          reason: expect.stringMatching(/^DEADLINE_EXCEEDED: .* node "slow" of chain "main"$/),
        },
      ],
    });
    expect(effects).toEqual(['second']);
  });

  it('case 33: a node tried again after an error of the store takes effect once', async () => {
    const attached = new Set<string>();
    let calls = 0;
    const set = await loadSet(
      { main: { attach: { retry: { attempts: 3, backoffMs: 0 }, to: { Success: 'done' } }, done: {} } },
      {
        attach: async (msg) => {
          calls++;
          attached.add(msg.originator.id); // the step is idempotent: it was done, only its answer was lost
          if (calls === 1) throw new Error('connection reset');
          return { relation: 'Success', msg };
        },
      },
    );
    expect(await sendAll(set, [{}])).toEqual([{ outcome: 'processed' }]);
    expect([attached.size, calls, set.seen.filter((one) => one === 'done:m').length]).toEqual([1, 2, 1]);
  });
});
