import { beforeEach, describe, expect, it } from 'vitest';
import { AddressBlock } from '../../../src/transport/mqtt/address-block.ts';

let nowMs = 0;
let block: AddressBlock;
const fail = (address: string, times: number): void => {
  for (let i = 0; i < times; i++) block.failed(address);
};

describe('address block', () => {
  beforeEach(() => {
    nowMs = 0;
    block = new AddressBlock({ maxFailures: 3, blockMs: 60_000, maxAddresses: 2 }, () => nowMs);
  });

  it('blocks at the third failure, until so long after the last one', () => {
    fail('a', 2);
    expect(block.isBlocked('a')).toBe(false);
    fail('a', 1);
    nowMs = 30_000;
    fail('a', 1);
    nowMs = 89_999;
    expect([block.isBlocked('a'), block.isBlocked('b')]).toEqual([true, false]);
    nowMs = 90_000;
    expect(block.isBlocked('a')).toBe(false);
    fail('a', 2);
    expect(block.isBlocked('a')).toBe(false);
  });

  it('one success forgives all', () => {
    fail('a', 2);
    block.succeeded('a');
    fail('a', 2);
    expect(block.isBlocked('a')).toBe(false);
  });

  it('remembers so many addresses and no more', () => {
    fail('a', 3);
    fail('b', 3);
    fail('c', 1);
    expect([block.size, block.isBlocked('a'), block.isBlocked('b')]).toEqual([2, false, true]);
  });
});
