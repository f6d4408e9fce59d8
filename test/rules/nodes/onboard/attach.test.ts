import { describe, expect, it } from 'vitest';
import type { NodeContext } from '../../../../src/rules/node-context.ts';
import { createTestContext } from '../../../../src/rules/test-context.ts';
import { testMsg } from '../../../helpers/chain-kit.ts';
import { makeNode } from '../../../helpers/chain-node.ts';

const metadata = {
  supplierId: '00000000-0000-7000-8000-000000000001',
  'supplyPoint.scheme': 'es-cups',
  'supplyPoint.stem': 'ES1234123456789012JY',
  'supplyPoint.suffix': '1P',
  gridCode: '1234',
  gridName: 'Grid',
};

describe('onboard/attach', () => {
  it('asks for one atomic step with all it knows, and says which node asks', async () => {
    const asked: unknown[] = [];
    const context: NodeContext = {
      ...createTestContext(),
      attach: async (_, request) => {
        asked.push(request);
        return { kind: 'unknown-device' };
      },
    };
    const node = makeNode('onboard/attach', { onConflict: 'move' }, { chain: 'onboarding', node: 'attach' });
    await expect(node.run(testMsg({ metadata }), context)).rejects.toThrow('the device no longer exists');
    expect(asked).toEqual([
      {
        supplierId: metadata.supplierId,
        supplyPoint: { scheme: 'es-cups', stem: 'ES1234123456789012JY', suffix: '1P' },
        grid: { code: '1234', name: 'Grid' },
        onConflict: 'move',
        by: 'chain:onboarding/attach',
      },
    ]);
  });

  it('fails when the supplier is gone', async () => {
    await expect(makeNode('onboard/attach').run(testMsg({ metadata }))).rejects.toThrow('supplier no longer exists');
  });

  it.each(['supplierId', 'supplyPoint.stem', 'supplyPoint.scheme', 'gridCode', 'gridName'])(
    'names the node that should have put %s',
    async (key) => {
      const { [key]: _, ...rest } = metadata as Record<string, string>;
      await expect(makeNode('onboard/attach').run(testMsg({ metadata: rest }))).rejects.toThrow(
        new RegExp(`metadata has no ${key}: put onboard/`),
      );
    },
  );
});
