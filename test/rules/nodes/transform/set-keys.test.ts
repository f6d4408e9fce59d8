import { describe, expect, it } from 'vitest';
import { Secret } from '../../../../src/model/secret.ts';
import { testMsg } from '../../../helpers/chain-kit.ts';
import { lintNode, makeNode } from '../../../helpers/chain-node.ts';

describe('transform/set-keys', () => {
  it('reads the message as it came, whatever it sets', async () => {
    const node = makeNode('transform/set-keys', {
      msg: { a: '$[b]', b: '$[a]' },
      metadata: { m: '$[a]/${n}', n: 'x' },
    });
    const { msg } = await node.run(testMsg({ data: { a: 1, b: 2 }, metadata: { n: 'old' } }));
    expect(msg.data).toEqual({ a: 2, b: 1 });
    expect(msg.metadata).toEqual({ m: '1/old', n: 'x' });
  });

  it('never copies a secret', async () => {
    const data = { key: new Secret('hidden text') };
    expect(() => makeNode('transform/set-keys', { msg: { a: '$[key]' } }).run(testMsg({ data }))).toThrow(
      'is a secret',
    );
    const inMetadata = makeNode('transform/set-keys', { metadata: { a: 'k $[key]' } });
    expect(() => inMetadata.run(testMsg({ data }))).toThrow('is a secret');
  });

  it('drops the received text when the body changes, and only then', async () => {
    const msg = testMsg({ data: { a: 1 }, text: '{"a":1}' });
    expect((await makeNode('transform/set-keys', { msg: { b: 1 } }).run(msg)).msg.text).toBeUndefined();
    expect((await makeNode('transform/set-keys', { metadata: { b: 'x' } }).run(msg)).msg.text).toBe('{"a":1}');
  });

  it('warns when it does nothing', () => {
    expect(lintNode('transform/set-keys', {})).toMatchObject([{ level: 'warning' }]);
  });
});
