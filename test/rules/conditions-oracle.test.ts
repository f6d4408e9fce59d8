import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileCondition } from '../../src/rules/conditions.ts';
import { factsOf, group, msg, oracle, ours } from '../helpers/condition-oracle.ts';

/*
 * json-rules-engine is the oracle, one fresh Engine a run. Intended differences, kept out of the generators below and
 * each shown by a test of its own:
 * - a missing fact or field, on either side, makes a leaf false; the engine compares undefined;
 * - a path into a text or number finds nothing; the engine gives the text or number itself;
 * - order is between numbers, or texts that are numbers: no text order, no arrays of one, no null or true as 0 or 1;
 * - `in` with a text on its right is false (or refused); the engine looks for a part of the text;
 * - empty groups, unknown operators, constants that can never match: refused at load;
 * - numbers with kept text compare by value; the engine does not know them.
 */

describe('conditions beside json-rules-engine', () => {
  it('any condition on any message comes out alike, 100,000 times', { timeout: 120_000 }, async () => {
    const seen = { true: 0, false: 0 };
    await fc.assert(
      fc.asyncProperty(group, msg, async (condition, data) => {
        const facts = factsOf(data);
        const expected = await oracle(condition, facts);
        seen[`${expected}`]++;
        expect(ours(condition, facts)).toBe(expected);
      }),
      { numRuns: 100_000 },
    );
    expect(Math.min(seen.true, seen.false)).toBeGreaterThan(15_000);
  });

  it.each([
    ['a missing field', '$.missing.field', 'notEqual', 1],
    ['a missing field that is not in a list', '$.missing.field', 'notIn', [1]],
    ['two missing fields', '$.missing.field', 'equal', { fact: 'msg', path: '$.list[9]' }],
    ['text order', '$.text', 'greaterThan', { fact: 'msg', path: '$.flag' }],
    ['an array of one number', '$.list', 'lessThan', 5],
    ['null as 0', '$.number', 'greaterThan', { fact: 'msg', path: '$.none' }],
    ['a part of a text', '$.text', 'in', { fact: 'msg', path: '$.flag' }],
  ])('differs on purpose: %s', async (_, path, operator, value) => {
    const condition = { all: [{ fact: 'msg', path, operator, value }] };
    const facts = factsOf({ number: 1, text: '9', flag: '10, 9', none: null, list: [1] });
    expect(await oracle(condition, facts)).toBe(true);
    expect(ours(condition, facts)).toBe(false);
  });

  it('differs on purpose: a path into a text finds nothing', async () => {
    const condition = { all: [{ fact: 'msg', path: '$.text', operator: 'equal', value: 'x' }] };
    expect(await oracle(condition, factsOf('x'))).toBe(true);
    expect(ours(condition, factsOf('x'))).toBe(false);
  });

  it('differs on purpose: what the engine lets pass is refused at load', async () => {
    expect(await oracle({ any: [] }, factsOf({}))).toBe(true);
    expect(await oracle({ all: [] }, factsOf({}))).toBe(true);
    const unknown = { all: [{ fact: 'msgType', operator: 'near', value: 1 }] };
    await expect(oracle(unknown, factsOf({}))).rejects.toThrow('Unknown operator');
    for (const condition of [{ any: [] }, { all: [] }, unknown]) expect(compileCondition(condition).ok).toBe(false);
  });
});
