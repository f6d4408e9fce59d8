import { describe, expect, it } from 'vitest';
import { runChainTests } from '../../src/rules/chain-test.ts';
import { defineNode, type NodeKind } from '../../src/rules/node-kind.ts';
import { loadForRehearsal, type Play, rehearse, type Stage } from '../../src/rules/rehearsal.ts';
import { createOutside } from '../../src/rules/test-mocks.ts';
import { actKind, chainText, tempFolder } from '../helpers/chain-kit.ts';

/** Would open a connection: a rehearsal must never make it. */
const telegraph: NodeKind = defineNode({
  kind: 'external/telegraph',
  version: 0,
  summary: 'Sends to somewhere.',
  since: '0.0.0',
  fields: {},
  relations: ['Success', 'Busy'],
  examples: [{ title: 'x', config: {}, msg: { data: {} }, goesTo: 'Success' }],
  create: () => {
    throw new Error('reached outside');
  },
});

async function play(when: Play['when'], given: Play['given'], visited: string[] = []) {
  const stage: Stage = { outside: createOutside(''), onVisit: ({ node }) => visited.push(node) };
  await using folder = await tempFolder({
    'main.json': chainText({
      send: { kind: 'external/telegraph', config: {}, to: { Success: 'end', Busy: 'wait' } },
      end: {},
      wait: {},
    }),
  });
  const loaded = await loadForRehearsal(folder.path, stage, [actKind({}), telegraph]);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.issues));
  const { root, chains, secretKeys } = loaded.generation;
  return await rehearse({ chain: root, chains, secretKeys, when, ...(given ? { given } : {}) }, stage);
}

const message = (power: number) => ({ from: 'm', telemetry: { power } });

describe('rehearse', () => {
  it('lets a mock answer for a node that reaches outside, which is never made', async () => {
    const visited: string[] = [];
    const { runs, outside } = await play(
      [message(1)],
      { mocks: { send: { to: 'Busy', data: { queued: 1 } } } },
      visited,
    );
    expect(visited).toEqual(['send', 'wait']);
    expect(runs[0]?.result.outcome).toBe('processed');
    expect(outside.sent.get('send')?.map(({ data }) => data)).toEqual([{ power: 1 }]);
  });

  it('gives the answers of a list one after the other, and the last one ever after', async () => {
    const mocks = { send: [{ error: 'ECONNREFUSED' }, {}] };
    const { runs } = await play([message(1), message(2), message(3)], { mocks });
    expect(runs.map(({ result }) => result.outcome)).toEqual(['dead-lettered', 'processed', 'processed']);
    expect(runs[0]?.result).toMatchObject({
      letters: [{ node: 'send', reason: expect.stringContaining('ECONNREFUSED') }],
    });
  });

  it('fails a node that reaches outside when the test does not say what it answers', async () => {
    const { runs } = await play([message(1)], {});
    expect(runs[0]?.result).toMatchObject({ letters: [{ reason: expect.stringContaining('given.mocks["send"]') }] });
  });

  it('moves the clock by advance and at only, never back', async () => {
    const mocks = { send: {} };
    const when = [
      message(1),
      { advance: 60_000 },
      message(2),
      { ...message(3), at: 5_000 },
      { ...message(4), at: 90_000 },
    ];
    const { runs, context } = await play(when, { now: 1_000, mocks });
    expect(runs.map(({ msg }) => msg.ts)).toEqual([1_000, 61_000, 61_000, 90_000]);
    expect(context.now()).toBe(90_000);
  });

  it('lets a delayed message go on when its time has come, and not before', async () => {
    await using folder = await tempFolder({
      'main.json': chainText({
        wait: { kind: 'flow/delay', config: { periodInSeconds: 60 }, to: { Success: 'save' } },
        save: { kind: 'action/save-telemetry', config: {} },
      }),
      'main.test.json': JSON.stringify({
        cases: [
          // biome-ignore lint/suspicious/noThenProperty: the word of chain tests
          { name: 'early', when: [message(1), { advance: 59_999 }], then: { path: ['wait'], telemetry: {} } },
          {
            name: 'in time',
            when: [message(1), { advance: 59_999 }, { advance: 1 }],
            // biome-ignore lint/suspicious/noThenProperty: the word of chain tests
            then: { path: ['wait', 'Success', 'save'], outcome: 'processed', telemetry: { m: { power: 1 } } },
          },
        ],
      }),
    });
    const report = await runChainTests(folder.path);
    expect(report.issues).toEqual([]);
    expect(report.cases.flatMap(({ differences }) => differences)).toEqual([]);
  });

  it('sees relations, customers and events that nodes left, in any order', async () => {
    const relation = (text: string) => {
      const [from, type, to] = text.split('|');
      return { from, type, to };
    };
    const cases = [
      {
        name: 'relations',
        given: {
          devices: [{ name: 'm', customer: 'Acme' }],
          assets: [{ name: 'G1' }],
          relations: [relation('ASSET G1|Feeds|m')],
        },
        when: [message(1)],
        // biome-ignore lint/suspicious/noThenProperty: the word of chain tests
        then: {
          relations: [relation('ASSET G1|Feeds|m')],
          customers: { m: 'Acme' },
          events: [],
          telemetry: { m: { power: 1 } },
          nothingElse: true,
        },
      },
    ];
    await using folder = await tempFolder({
      'main.json': chainText({ save: { kind: 'action/save-telemetry', config: {} } }),
      'main.test.json': JSON.stringify({ cases }),
    });
    expect((await runChainTests(folder.path)).cases.flatMap(({ differences }) => differences)).toEqual([]);
  });
});
