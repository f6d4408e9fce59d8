import { describe, expect, it } from 'vitest';
import { catalogue } from '../../../../src/rules/catalogue.ts';
import type { NodeKind, ThingsBoardNode } from '../../../../src/rules/node-kind.ts';
import type { LaterPlace } from '../../../../src/rules/queue-context.ts';
import { createTestContext } from '../../../../src/rules/test-context.ts';
import { testMsg } from '../../../helpers/chain-kit.ts';
import { makeNode } from '../../../helpers/chain-node.ts';

const formOf = (kind: string) => {
  const found = catalogue.find((one: NodeKind) => one.kind === kind) as NodeKind | undefined;
  if (!found?.thingsboard) throw new Error(`${kind} has no form at ThingsBoard`);
  return found.thingsboard;
};
const names: ThingsBoardNode = {
  name: 'Attached',
  chainName: (id) => (id === 'id-1' ? 'onboarding' : undefined),
  chainId: (name) => (name === 'onboarding' ? 'id-1' : undefined),
};

/** Where the node puts a message. */
async function placed(kind: string, config: object, metadata: Record<string, string> = {}): Promise<LaterPlace> {
  const places: LaterPlace[] = [];
  const context = {
    ...createTestContext({ now: 1_000_000 }),
    storeForLater: async (msg: ReturnType<typeof testMsg>, at: LaterPlace) => {
      places.push(at);
      return { relation: [] as readonly never[], msg };
    },
  };
  await makeNode(kind, config).run(testMsg({ metadata }), context);
  const [place] = places;
  if (!place) throw new Error('nothing was stored');
  return place;
}

describe('flow/checkpoint and flow/delay', () => {
  it('store the message behind the node, due at once or after the time', async () => {
    expect(await placed('flow/checkpoint', {})).toEqual({ chain: 'main', node: 'n', dueAt: 1_000_000 });
    expect((await placed('flow/delay', {})).dueAt).toBe(1_060_000);
    expect((await placed('flow/delay', { periodInSeconds: 0 })).dueAt).toBe(1_000_000);
    expect((await placed('flow/delay', { periodInSecondsPattern: '${s}' }, { s: '5' })).dueAt).toBe(1_005_000);
  });

  it.each(['', '-1', '1.5', '1e3', ' 5', '31536001', '9999999999', '0x10', 'NaN', '5 s'])(
    'flow/delay fails for the time %j',
    async (s) => {
      await expect(placed('flow/delay', { periodInSecondsPattern: '${s}' }, { s })).rejects.toThrow('whole number');
    },
  );

  it.each([{ periodInSeconds: -1 }, { periodInSeconds: 1.5 }, { periodInSeconds: '60' }, { period: 1 }])(
    'flow/delay refuses the config %j',
    (config) => {
      expect(() => makeNode('flow/delay', config)).toThrow();
    },
  );
});

describe("ThingsBoard's flow nodes", () => {
  it('a delay keeps its period, or its pattern when the node says so', () => {
    const { read, write } = formOf('flow/delay');
    expect(read?.({ periodInSeconds: 5, maxPendingMsgs: 9, periodInSecondsPattern: null }, names)).toEqual({
      periodInSeconds: 5,
    });
    const byPattern = { useMetadataPeriodInSecondsPatterns: true, periodInSecondsPattern: '${p}', periodInSeconds: 5 };
    expect(read?.(byPattern, names)).toEqual({ periodInSecondsPattern: '${p}' });
    expect(() => read?.({ useMetadataPeriodInSecondsPatterns: true }, names)).toThrow('periodInSecondsPattern');
    expect(write?.({ periodInSeconds: 5, periodInSecondsPattern: '${p}' }, names)).toMatchObject({
      useMetadataPeriodInSecondsPatterns: true,
      periodInSecondsPattern: '${p}',
    });
  });

  it('the label of an output is the name of its node', () => {
    expect(formOf('flow/output').read?.({}, names)).toEqual({ label: 'Attached' });
  });

  it("a checkpoint's queue leaves its configuration", () => {
    expect(formOf('flow/checkpoint').upgrades?.[0]?.({ queueName: 'HighPriority' })).toEqual({});
  });
});
