import { describe, expect, it } from 'vitest';
import { Secret } from '../../../../src/model/secret.ts';
import type { NodeContext } from '../../../../src/rules/node-context.ts';
import { createTestContext } from '../../../../src/rules/test-context.ts';
import { testMsg } from '../../../helpers/chain-kit.ts';
import { makeNode } from '../../../helpers/chain-node.ts';

type Options = Parameters<NodeContext['saveAttributes']>[1];

function run(config: object, change: Parameters<typeof testMsg>[0]): Options[] {
  const saved: Options[] = [];
  const context = {
    ...createTestContext(),
    saveAttributes: (_: unknown, options: Options) => void saved.push(options),
  };
  makeNode('action/save-attributes', config).run(testMsg({ type: 'POST_ATTRIBUTES_REQUEST', ...change }), context);
  return saved;
}

describe('action/save-attributes', () => {
  it('stores the body under its defaults, without secrets', () => {
    const data = { model: 'GW-1', key: new Secret('hidden text') };
    expect(run({}, { data })).toEqual([
      { scope: 'CLIENT_SCOPE', values: { model: 'GW-1' }, onlyOnChange: true, notifyDevice: false, event: false },
    ]);
  });

  it('lets metadata scope win over the config', () => {
    const change = { data: { a: 1 }, metadata: { scope: 'SHARED_SCOPE' } };
    expect(run({ scope: 'SERVER_SCOPE' }, change)).toMatchObject([{ scope: 'SHARED_SCOPE' }]);
    expect(run({ scope: 'SERVER_SCOPE' }, { data: { a: 1 } })).toMatchObject([{ scope: 'SERVER_SCOPE' }]);
    expect(() => run({}, { data: { a: 1 }, metadata: { scope: 'MINE' } })).toThrow('metadata scope');
  });

  it('notifies when the config or the metadata says so', () => {
    const notified = (config: object, metadata: Record<string, string>) =>
      run(config, { data: { a: 1 }, metadata })[0]?.notifyDevice;
    expect(notified({ notifyDevice: true }, { notifyDevice: 'false' })).toBe(true);
    expect(notified({}, { notifyDevice: 'true' })).toBe(true);
    expect(notified({}, { notifyDevice: 'false' })).toBe(false);
    expect(notified({}, {})).toBe(false);
  });

  it('writes nothing when nothing is left to write', () => {
    expect(run({}, { data: {} })).toEqual([]);
    expect(run({}, { data: { key: new Secret('hidden text') } })).toEqual([]);
  });

  it('takes no other type of message', () => {
    expect(() => run({}, { type: 'ATTRIBUTES_UPDATED', data: { a: 1 } })).toThrow('ATTRIBUTES_UPDATED');
  });
});
