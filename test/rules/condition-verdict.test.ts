import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/model/json.ts';
import { judgeCondition } from '../../src/rules/condition-verdict.ts';
import { compileCondition } from '../../src/rules/conditions.ts';

const msg = (path: string, operator: string, value?: unknown) => ({ fact: 'msg', path: `$.${path}`, operator, value });
const meta = (operator: string, value?: unknown) => ({ fact: 'metadata', path: '$.m', operator, value });
const kinds = (condition: object) => judgeCondition(condition).map(({ kind, at }) => `${kind} ${at}`);

describe('judgeCondition', () => {
  it.each<[string, object]>([
    ['bounds that leave no number', { all: [msg('v', 'lessThan', 207), msg('v', 'greaterThan', 253)] }],
    [
      'bounds that meet where neither includes',
      { all: [msg('v', 'lessThan', 5), msg('v', 'greaterThanInclusive', 5)] },
    ],
    ['two values at once', { all: [msg('v', 'equal', 'a'), msg('v', 'equal', 'b')] }],
    ['a value outside of its bounds', { all: [msg('v', 'equal', 4), msg('v', 'greaterThan', 5)] }],
    ['a value that is left out', { all: [msg('v', 'in', [1, 2]), msg('v', 'notIn', [1, 2])] }],
    ['a text and a list', { all: [msg('v', 'startsWith', 'a'), msg('v', 'contains', 1)] }],
    ['there and missing', { all: [msg('v', 'exists'), msg('v', 'absent')] }],
    ['there, and yet missing', { all: [{ not: msg('v', 'absent') }, msg('v', 'absent')] }],
    ['every branch of a group', { all: [msg('v', 'equal', 1), { any: [msg('v', 'equal', 2), msg('v', 'equal', 3)] }] }],
    ['deep inside', { all: [msg('v', 'lessThan', 1), { all: [msg('x', 'exists'), msg('v', 'greaterThan', 2)] }] }],
  ])('never: %s', (_, condition) => {
    expect(kinds(condition)).toEqual(['never ']);
  });

  it.each<[string, object, string]>([
    ['metadata are texts', { all: [meta('equal', 5)] }, 'never /all/0'],
    ['metadata are no lists', { any: [meta('exists'), meta('contains', 'a')] }, 'never /any/1'],
    [
      'a type that no entity has',
      { all: [{ fact: 'originator', path: '$.entityType', operator: 'equal', value: 'METER' }] },
      'never /all/0',
    ],
    [
      'a branch of any',
      { any: [msg('a', 'exists'), { all: [msg('v', 'lessThan', 1), msg('v', 'greaterThan', 2)] }] },
      'never /any/1',
    ],
    ['below a not', { not: { all: [msg('v', 'lessThan', 1), msg('v', 'greaterThan', 2)] } }, 'never /not'],
  ])('finds the innermost part: %s', (_, condition, expected) => {
    expect(kinds(condition)).toEqual([expected]);
  });

  it.each<[string, object]>([
    ['bounds that leave nothing out', { any: [msg('v', 'lessThan', 100), msg('v', 'greaterThan', 50)] }],
    ['not one or not the other', { any: [msg('v', 'notEqual', 'a'), msg('v', 'notEqual', 'b')] }],
    ['there or missing', { any: [msg('v', 'exists'), msg('v', 'absent')] }],
  ])('always: %s', (_, condition) => {
    expect(kinds(condition)).toEqual(['always ']);
  });

  it.each<[string, object]>([
    ['a band', { all: [msg('v', 'greaterThan', 207), msg('v', 'lessThan', 253)] }],
    ['outside of a band', { any: [msg('v', 'lessThan', 207), msg('v', 'greaterThan', 253)] }],
    ['two fields', { all: [msg('v', 'lessThan', 1), msg('w', 'greaterThan', 2)] }],
    ['a number as text in metadata', { all: [meta('greaterThan', 5), meta('lessThan', 9)] }],
    ['not below, or missing', { all: [{ not: msg('v', 'lessThan', 5) }, msg('v', 'absent')] }],
    [
      'another fact on the right',
      { all: [msg('v', 'lessThan', { fact: 'msg', path: '$.w' }), msg('v', 'greaterThan', 9)] },
    ],
    ['one value of several', { all: [msg('v', 'in', [1, 2, 3]), msg('v', 'notEqual', 2), msg('v', 'greaterThan', 2)] }],
  ])('says nothing of %s', (_, condition) => {
    expect(judgeCondition(condition)).toEqual([]);
  });

  it('knows what a schema says', () => {
    const volts = () => ({ types: ['number'] as const, min: 0, max: 400 });
    expect(judgeCondition({ all: [msg('v', 'greaterThan', 500)] }, volts)).toMatchObject([
      { kind: 'never', at: '/all/0' },
    ]);
    expect(judgeCondition({ all: [msg('v', 'equal', '230')] }, volts)).toMatchObject([{ kind: 'never' }]);
    expect(judgeCondition({ all: [msg('v', 'lessThanInclusive', 400)] }, volts)).toMatchObject([{ kind: 'always' }]);
    expect(judgeCondition({ all: [msg('v', 'greaterThan', 300)] }, volts)).toEqual([]);
  });

  it('what it calls never is false, and what it calls always is true, for any value that is there', () => {
    const value = fc.oneof(
      fc.integer({ min: -2, max: 4 }),
      fc.constantFrom('a', 'b', '1', '2.5', true, null),
      fc.constant([1]),
    );
    const leaf = fc.oneof(
      fc.record({
        fact: fc.constant('msg'),
        path: fc.constantFrom('$.v', '$.w'),
        operator: fc.constantFrom('lessThan', 'lessThanInclusive', 'greaterThan', 'greaterThanInclusive'),
        value: fc.integer({ min: -2, max: 4 }),
      }),
      fc.record({
        fact: fc.constant('msg'),
        path: fc.constantFrom('$.v', '$.w'),
        operator: fc.constantFrom('equal', 'notEqual', 'contains'),
        value: fc.constantFrom(1, 2, 'a', '1', true),
      }),
      fc.record({
        fact: fc.constant('msg'),
        path: fc.constant('$.v'),
        operator: fc.constantFrom('in', 'notIn'),
        value: fc.constantFrom([1, 2], ['a', 1], ['a', 'b']),
      }),
      fc.record({
        fact: fc.constant('msg'),
        path: fc.constantFrom('$.v', '$.w'),
        operator: fc.constantFrom('exists', 'absent'),
      }),
    );
    const { group } = fc.letrec<{ group: object; item: object }>((tie) => ({
      item: fc.oneof({ maxDepth: 2 }, leaf, tie('group')),
      group: fc.oneof(
        fc.record({ all: fc.array(tie('item'), { minLength: 1, maxLength: 3 }) }),
        fc.record({ any: fc.array(tie('item'), { minLength: 1, maxLength: 3 }) }),
        fc.record({ not: tie('item') }),
      ),
    }));
    const seen = { never: 0, always: 0 };
    fc.assert(
      fc.property(group, fc.record({ v: value, w: value }, { requiredKeys: [] }), (condition, data) => {
        const compiled = compileCondition(condition);
        if (!compiled.ok) throw new Error(JSON.stringify(compiled.issues));
        for (const verdict of judgeCondition(condition)) {
          if (verdict.at !== '') continue;
          const isNumber = (one: unknown) => typeof one === 'number';
          const facts = {
            msg: data as JsonObject,
            metadata: {},
            msgType: 'A',
            originator: { entityType: 'DEVICE', id: 'd' },
          };
          // "Always" is said of numbers that are there.
          if (verdict.kind === 'always' && !(isNumber(data.v) && isNumber(data.w))) continue;
          seen[verdict.kind]++;
          expect(compiled.test(facts)).toBe(verdict.kind === 'always');
        }
      }),
      { numRuns: 12_000, seed: 7 },
    );
    expect(Math.min(seen.never, seen.always)).toBeGreaterThan(20);
  });
});
