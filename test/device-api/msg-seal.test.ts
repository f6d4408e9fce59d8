import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMsgSeal } from '../../src/device-api/msg-seal.ts';
import { parseJson, stringifyJson } from '../../src/model/json.ts';
import { createKeyedHash } from '../../src/model/keyed-hash.ts';
import { isMsgData, type Msg, type MsgBody } from '../../src/model/msg.ts';
import { Secret } from '../../src/model/secret.ts';
import { testMsg } from '../helpers/chain-kit.ts';

const seals = createMsgSeal(createKeyedHash(Buffer.alloc(32, 7)));
const jsonOf = (text: string) => {
  const read = parseJson(text, { maxDepth: 9 });
  if (!read.ok) throw new Error(text);
  return read.value;
};
const through = (msg: Msg): Msg | undefined => seals.open(seals.seal(msg));

describe('sealed messages', () => {
  it('come back whole: numbers with their text, calls, visits, any body', () => {
    const calls = { chain: 'a', node: 'b', up: { chain: 'c', node: 'd' } };
    for (const text of [
      '{"n":9007199254740993,"x":42.0}',
      '[1,{"a":2.50}]',
      '"text"',
      'null',
      '7',
      '{"__proto__":1}',
    ]) {
      const msg = testMsg({ data: jsonOf(text), metadata: { k: 'v\n' }, calls, visits: { 'a/b': 2 } });
      const back = through(msg);
      expect(stringifyJson((back?.data ?? null) as never)).toBe(text);
      expect({ ...back, data: null }).toEqual({ ...msg, data: null });
    }
  });

  it('with the text as it was received', () => {
    const text = '{ "n": 1.50 }';
    const back = through(testMsg({ data: jsonOf(text), text }));
    expect([back?.text, stringifyJson((back?.data ?? null) as never)]).toEqual([text, '{"n":1.50}']);
  });

  it('keep secrets as secrets, and show nothing of them', () => {
    const msg = testMsg({ data: { key: new Secret('planted-secret-0123456789'), other: 'open' } });
    const sealed = seals.seal(msg);
    expect(Buffer.from(sealed, 'base64url').includes('planted-secret')).toBe(false);
    const back = seals.open(sealed)?.data as MsgBody;
    if (!isMsgData(back) || !(back.key instanceof Secret)) throw new Error('the secret is no secret any more');
    expect([back.key.reveal(), back.other, JSON.stringify(back)]).toEqual([
      'planted-secret-0123456789',
      'open',
      '{"key":"[redacted]","other":"open"}',
    ]);
  });

  it('of another key or changed are not opened, whatever the text', () => {
    const sealed = seals.seal(testMsg());
    const other = createMsgSeal(createKeyedHash(Buffer.alloc(32, 8)));
    expect([other.open(sealed), seals.open(''), seals.open(`${sealed.slice(0, -4)}AAAA`)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    fc.assert(fc.property(fc.string(), (text) => seals.open(text) === undefined));
  });
});
