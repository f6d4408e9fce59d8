import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  closed,
  entityOfText,
  entityText,
  escaped,
  historyKey,
  isId,
  KEYS,
  operationKey,
  unescaped,
} from '../../../src/storage/redis/keys.ts';

const text = fc.string({ unit: fc.constantFrom('\0', '\u0001', '\u0002', 'a', 'é', '🔌'), maxLength: 8 });
const order = (a: string, b: string): number => Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b)));

describe('redis: names of keys and members', () => {
  it('a text comes back as it was, and holds no NUL in between', () => {
    fc.assert(
      fc.property(text, (one) => {
        expect(unescaped(escaped(one))).toBe(one);
        expect(escaped(one)).not.toContain('\0');
      }),
    );
  });

  it('members are in the order of the bytes of their texts, and none begins like the member of another text', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(order(closed(a), closed(b))).toBe(order(a, b));
        expect(closed(a).startsWith(closed(b))).toBe(a === b);
      }),
    );
  });

  it('a text that is too long is refused', () => {
    expect(() => closed('é'.repeat(901))).toThrow('too long');
  });

  it('only lower-case UUIDs are ids: nothing else gets into the name of a key', () => {
    for (const id of ['', '{gm}', '0193B5F2-0000-7000-8000-000000000000', '0193b5f2-0000-7000-8000-00000000000*']) {
      expect(isId(id)).toBe(false);
    }
    expect(isId('0193b5f2-0000-7000-8000-000000000000')).toBe(true);
  });

  it('all keys of the registry share one slot', () => {
    for (const key of [...Object.values(KEYS), operationKey('x'), historyKey('x')]) expect(key).toMatch(/^\{gm\}:/);
    expect(new Set(Object.values(KEYS)).size).toBe(Object.values(KEYS).length);
  });

  it('an end of a relation is read back; one of an unknown type is damage', () => {
    const end = { entityType: 'CUSTOMER', id: '0193b5f2-0000-7000-8000-000000000000' } as const;
    expect(entityOfText(entityText(end))).toEqual(end);
    expect(() => entityOfText('9x')).toThrow('STORE_CORRUPT');
  });
});
