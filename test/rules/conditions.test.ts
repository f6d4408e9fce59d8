import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { ExactNumber, parseJson } from '../../src/model/json.ts';
import { compileCondition, conditionSchema, type Facts } from '../../src/rules/conditions.ts';

const facts: Facts = {
  msg: {
    temperature: 21.5,
    exact: new ExactNumber('42.0'),
    big: new ExactNumber('1e3'),
    text: 'hello',
    number: '17',
    blank: ' ',
    on: true,
    nothing: null,
    list: [1, new ExactNumber('2.0'), 'x'],
    deep: { 'a b': [{ c: 5 }] },
  },
  metadata: { deviceName: 'meter-1', limit: '20', 'a.b': 'dotted' },
  msgType: 'POST_TELEMETRY_REQUEST',
  originator: { entityType: 'DEVICE', id: 'd1' },
};

function verdict(condition: unknown, given: Facts = facts): boolean {
  const compiled = compileCondition(condition);
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.issues));
  return compiled.test(given);
}

/** One leaf on msg. */
function holds(path: string, operator: string, value?: unknown): boolean {
  return verdict({ all: [{ fact: 'msg', path, operator, ...(value === undefined ? {} : { value }) }] });
}

function issuesOf(condition: unknown) {
  const compiled = compileCondition(condition);
  return compiled.ok ? [] : compiled.issues;
}

const leaf = { fact: 'msg', path: '$.temperature', operator: 'greaterThan', value: 20 };
const yes = leaf;
const no = { ...leaf, operator: 'lessThan' };

describe('groups', () => {
  it.each([
    [{ all: [yes, yes] }, true],
    [{ all: [yes, no] }, false],
    [{ any: [no, yes] }, true],
    [{ any: [no, no] }, false],
    [{ not: no }, true],
    [{ not: { all: [yes, { not: no }] } }, false],
    [{ all: [yes], name: 'warm', priority: 3 }, true],
    [{ any: [{ all: [yes, no] }, { not: { any: [no] } }] }, true],
  ])('%j is %s', (condition, expected) => {
    expect(verdict(condition)).toBe(expected);
  });
});

describe('facts and paths', () => {
  it.each([
    [{ fact: 'msgType', operator: 'equal', value: 'POST_TELEMETRY_REQUEST' }, true],
    [{ fact: 'metadata', path: '$.deviceName', operator: 'equal', value: 'meter-1' }, true],
    [{ fact: 'metadata', path: "$['a.b']", operator: 'equal', value: 'dotted' }, true],
    [{ fact: 'originator', path: '$.entityType', operator: 'equal', value: 'DEVICE' }, true],
    [{ fact: 'originator', path: '$.name', operator: 'exists' }, false],
    [{ fact: 'msg', path: "$.deep['a b'][0].c", operator: 'equal', value: 5 }, true],
    [{ fact: 'msg', operator: 'exists' }, true],
    [
      { fact: 'msg', path: '$.temperature', operator: 'greaterThan', value: { fact: 'metadata', path: '$.limit' } },
      true,
    ],
    [{ fact: 'msg', path: '$.text', operator: 'equal', value: { fact: 'msg', path: '$.text' } }, true],
    [{ fact: 'msg', path: '$.missing', operator: 'equal', value: { fact: 'msg', path: '$.missing' } }, false],
    [{ fact: 'msg', path: '$.text', operator: 'notEqual', value: { fact: 'msg', path: '$.missing' } }, false],
  ])('%j is %s', (condition, expected) => {
    expect(verdict({ all: [condition] })).toBe(expected);
  });

  it('a missing field makes a leaf false, whatever its operator', () => {
    const operators = {
      notEqual: 1,
      notIn: [1],
      doesNotContain: 1,
      'not:equal': 1,
      lessThan: 1,
      in: [1],
      'not:matches': 'x',
    };
    for (const [operator, value] of Object.entries(operators)) expect(holds('$.missing', operator, value)).toBe(false);
    expect(holds('$.missing', 'absent')).toBe(true);
    expect(holds('$.nothing', 'absent')).toBe(false);
    expect(holds('$.nothing', 'exists', true)).toBe(true);
  });

  it('names of Object.prototype are no facts', () => {
    for (const path of ['$.constructor', '$.__proto__', '$.toString', '$.deep.hasOwnProperty']) {
      expect(holds(path, 'exists')).toBe(false);
    }
  });
});

describe('operators', () => {
  it.each([
    ['$.exact', 'equal', 42, true],
    ['$.exact', 'equal', new ExactNumber('42.00'), true],
    ['$.exact', 'in', [1, 42], true],
    ['$.temperature', 'in', [new ExactNumber('21.50')], true],
    ['$.big', 'greaterThanInclusive', 1000, true],
    ['$.list', 'contains', 2, true],
    ['$.list', 'doesNotContain', 2, false],
    ['$.text', 'contains', 'ell', false],
    ['$.number', 'lessThan', 18, true],
    ['$.number', 'equal', 17, false],
    ['$.blank', 'lessThan', 5, false],
    ['$.text', 'lessThan', 5, false],
    ['$.on', 'lessThan', 5, false],
    ['$.nothing', 'lessThan', 5, false],
    ['$.nothing', 'equal', null, true],
    ['$.temperature', 'between', [21.5, 30], true],
    ['$.temperature', 'between', [10, 21.4], false],
    ['$.number', 'between', [17, 17], true],
    ['$.text', 'startsWith', 'he', true],
    ['$.text', 'endsWith', 'lo', true],
    ['$.text', 'endsWith', 'x', false],
    ['$.temperature', 'startsWith', '2', false],
    ['$.text', 'matches', '^h.+o$', true],
    ['$.text', 'matches', '^x', false],
    ['$.temperature', 'matches', '2', false],
    ['$.list', 'someFact:equal', 2, true],
    ['$.list', 'everyFact:greaterThan', 0, false],
    ['$.text', 'not:matches', '^x', true],
    ['$.text', 'someValue:startsWith', ['x', 'h'], true],
    ['$.text', 'someValue:matches', ['^x', '^h'], true],
    ['$.temperature', 'swap:lessThan', 20, true],
    ['$.list', 'not:someFact:equal', 9, true],
  ])('%s %s %j is %s', (path, operator, value, expected) => {
    expect(holds(path, operator, value)).toBe(expected);
  });

  it('in a long list is found by set', () => {
    const value = Array.from({ length: 10_000 }, (_, at) => at + 0.5);
    expect(holds('$.temperature', 'in', value)).toBe(true);
    expect(holds('$.exact', 'notIn', value)).toBe(true);
  });
});

describe('what is refused at load', () => {
  it.each([
    [null, '', 'expected a condition'],
    [[], '', 'expected a condition'],
    [leaf, '', 'begins with all, any or not'],
    [{}, '/fact', 'a fact is missing'],
    [{ all: [] }, '/all', 'empty all'],
    [{ any: [] }, '/any', 'empty any'],
    [{ all: leaf }, '/all', 'expected a list'],
    [{ not: [leaf] }, '/not', 'expected a condition'],
    [{ all: [leaf], any: [leaf] }, '/any', 'does not go with all'],
    [{ all: [{ ...leaf, all: [leaf] }] }, '/all/0/fact', 'does not go with all'],
    [{ all: [{ condition: 'shared' }] }, '/all/0/condition', 'shared named conditions'],
    [{ all: [{ ...leaf, params: {} }] }, '/all/0/params', 'no parameters'],
    [{ all: [{ ...leaf, 'a/b~c': 1 }] }, '/all/0/a~1b~0c', 'unknown key'],
    [{ all: [leaf, { ...leaf, fact: 'attributes' }] }, '/all/1/fact', 'unknown fact'],
    [{ all: [{ ...leaf, fact: 5 }] }, '/all/0/fact', 'unknown fact'],
    [{ all: [{ ...leaf, path: '$..a' }] }, '/all/0/path', 'cannot read the path'],
    [{ all: [{ ...leaf, path: 5 }] }, '/all/0/path', 'expected a path'],
    [{ all: [{ ...leaf, fact: 'msgType' }] }, '/all/0/path', 'has no path'],
    [{ all: [{ ...leaf, fact: 'metadata', path: '$.a.b' }] }, '/all/0/path', 'metadata is flat'],
    [{ all: [{ fact: 'metadata', operator: 'exists' }] }, '/all/0/path', 'metadata is flat'],
    [{ all: [{ ...leaf, fact: 'originator', path: '$.secret' }] }, '/all/0/path', 'unknown field of the originator'],
    [{ all: [{ fact: 'msg', path: '$.a', operator: 'equal' }] }, '/all/0/value', 'needs a value'],
    [{ all: [{ fact: 'msg', path: '$.a', value: 1 }] }, '/all/0/operator', 'expected the name'],
    [{ all: [{ ...leaf, operator: 'toString' }] }, '/all/0/operator', 'unknown operator'],
    [{ all: [{ ...leaf, operator: 'constructor:equal' }] }, '/all/0/operator', 'unknown operator'],
    [{ all: [{ ...leaf, operator: 'not:not:not:not:not:equal' }] }, '/all/0/operator', 'unknown operator'],
    [{ all: [{ ...leaf, operator: 'swap:matches' }] }, '/all/0/operator', 'unknown operator'],
    [{ all: [{ ...leaf, operator: 'not:exists' }] }, '/all/0/operator', 'unknown operator'],
    [{ all: [{ ...leaf, operator: 'exists', value: false }] }, '/all/0/value', 'no value but true'],
    [{ all: [{ ...leaf, operator: 'equal', value: {} }] }, '/all/0/value', 'arrays and objects never match'],
    [{ all: [{ ...leaf, operator: 'equal', value: [1] }] }, '/all/0/value', 'arrays and objects never match'],
    [{ all: [{ ...leaf, value: '20' }] }, '/all/0/value', 'expected a number'],
    [{ all: [{ ...leaf, operator: 'in', value: 'abc' }] }, '/all/0/value', 'expected a list'],
    [{ all: [{ ...leaf, operator: 'in', value: [] }] }, '/all/0/value', 'expected a list'],
    [{ all: [{ ...leaf, operator: 'between', value: [2, 1] }] }, '/all/0/value', 'two numbers'],
    [{ all: [{ ...leaf, operator: 'someValue:startsWith', value: ['a', 1] }] }, '/all/0/value', 'in the list'],
    [{ all: [{ ...leaf, operator: 'matches', value: '(?=a)' }] }, '/all/0/value', 'groups are supported'],
    [{ all: [{ ...leaf, operator: 'matches', value: { fact: 'msgType' } }] }, '/all/0/value', 'needs a constant'],
    [{ all: [{ ...leaf, value: { fact: 'msg', params: {} } }] }, '/all/0/value/params', 'no parameters'],
    [{ all: [{ ...leaf, value: { fact: 'nope' } }] }, '/all/0/value/fact', 'unknown fact'],
  ])('%j at %s: %s', (condition, at, problem) => {
    expect(issuesOf(condition)).toContainEqual(
      expect.objectContaining({ at, problem: expect.stringContaining(problem) }),
    );
  });

  it('all issues are told at once, with the nearest name', () => {
    const broken = { all: [{ ...leaf, operator: 'greatrThan' }, { not: { ...leaf, fact: 'mesg', value: 'x' } }] };
    expect(issuesOf(broken)).toEqual([
      { at: '/all/0/operator', problem: 'unknown operator "greatrThan"', hint: 'did you mean "greaterThan"?' },
      { at: '/all/1/not/fact', problem: 'unknown fact', hint: 'did you mean "msg"?' },
      { at: '/all/1/not/value', problem: 'expected a number' },
    ]);
  });

  it('32 levels are allowed, 33 are not', () => {
    const nested = (levels: number): unknown => (levels === 1 ? leaf : { not: nested(levels - 1) });
    expect(issuesOf(nested(32))).toEqual([]);
    expect(issuesOf(nested(33))).toMatchObject([{ problem: 'conditions are nested deeper than 32' }]);
  });

  it('a condition read with kept numbers compiles', () => {
    const parsed = parseJson('{"all":[{"fact":"msg","path":"$.exact","operator":"in","value":[42.0]}]}', {
      maxDepth: 8,
    });
    expect(parsed.ok && verdict(parsed.value)).toBe(true);
  });
});

describe('conditionSchema', () => {
  const validate = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(conditionSchema);

  it.each([
    [{ all: [leaf, { not: leaf }, { any: [{ all: [{ not: { all: [leaf] } }] }] }] }],
    [{ not: { fact: 'msg', path: '$.a', operator: 'exists' } }],
    [{ any: [{ ...leaf, operator: 'not:someFact:equal', value: { fact: 'msgType' } }], name: 'x' }],
  ])('accepts %j', (condition) => {
    expect(issuesOf(condition)).toEqual([]);
    expect(validate(condition)).toBe(true);
  });

  it.each([
    [leaf],
    [{}],
    [{ all: [] }],
    [{ all: [{ ...leaf, operator: 'greatrThan' }] }],
    [{ all: [{ ...leaf, fact: 'attributes' }] }],
    [{ all: [{ any: [{ ...leaf, vlaue: 1 }] }] }],
    [{ all: [{ ...leaf, path: 'temperature' }] }],
  ])('refuses %j, as the compiler does', (condition) => {
    expect(issuesOf(condition)).not.toEqual([]);
    expect(validate(condition)).toBe(false);
  });
});
