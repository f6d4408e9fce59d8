import { describe, expect, it } from 'vitest';
import { testMsg } from '../../../helpers/chain-kit.ts';
import { makeNode } from '../../../helpers/chain-node.ts';

const node = makeNode('onboard/supply-point');
const run = async (CUPS: never | string | number, one = node) => await one.run(testMsg({ data: { CUPS } }));

describe('onboard/supply-point', () => {
  it.each([
    ['ES0021000012345687LB', 'checksum'],
    ['ES0021000012345678LB0', 'length'],
    ['ES0021000012345678LB0T', 'suffix'],
    ['PT0002000012345678MV', 'country'],
    [21000012345678, 'format'],
  ])('%s is Invalid with metadata error %s, the body left alone', async (CUPS, error) => {
    expect(await run(CUPS)).toMatchObject({ relation: 'Invalid', msg: { data: { CUPS }, metadata: { error } } });
  });

  it('is Invalid without the key in the body', async () => {
    expect(await node.run(testMsg())).toMatchObject({ relation: 'Invalid', msg: { metadata: { error: 'format' } } });
  });

  it('takes the codes of other countries when the config names them', async () => {
    const both = makeNode('onboard/supply-point', { schemes: ['es-cups', 'pt-cpe'] });
    expect(await run('PT0002000012345678MV', both)).toMatchObject({
      relation: 'Valid',
      msg: { metadata: { 'supplyPoint.scheme': 'pt-cpe', 'supplyPoint.stem': 'PT0002000012345678MV' } },
    });
  });

  it('leaves no suffix of an earlier code behind', async () => {
    const msg = testMsg({ data: { CUPS: 'ES1234123456789012JY' }, metadata: { 'supplyPoint.suffix': '1P' } });
    expect((await node.run(msg)).msg.metadata).not.toHaveProperty('supplyPoint.suffix');
  });

  it('knows no other scheme', () => {
    expect(() => makeNode('onboard/supply-point', { schemes: ['xx'] })).toThrow('unknown-word');
  });
});
