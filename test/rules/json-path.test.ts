import { describe, expect, it } from 'vitest';
import { Secret } from '../../src/model/secret.ts';
import { compileJsonPath } from '../../src/rules/json-path.ts';

const DOC = {
  readings: [{ value: 1, tags: ['a', 'b'] }, { value: 2, tags: [] }, { state: 'ok' }],
  'odd [*] name': { x: 1 },
  nothing: null,
};

function find(path: string, value: unknown = DOC): unknown {
  const compiled = compileJsonPath(path);
  if (!compiled.ok) throw new Error(compiled.problem);
  return compiled.read(value);
}

describe('compileJsonPath', () => {
  it.each([
    ['$', DOC],
    ['$.readings[1].value', 2],
    ['$.readings[9]', undefined],
    ['$.nothing', null],
    ['$.readings[*].value', [1, 2]],
    ['$.readings[*].tags[*]', ['a', 'b']],
    ['$.readings[*].tags[0]', ['a']],
    ["$['odd [*] name'].x", 1],
    ["$['odd [*] name'].*", [1]],
    ['$.none[*]', []],
    ['$.*.x', [1]],
    ['$.constructor', undefined],
    ['$.__proto__', undefined],
  ])('%s', (path, expected) => {
    expect(find(path)).toEqual(expected);
  });

  it.each([
    'readings',
    '$.readings[?(@.value>1)]',
    '$..value',
    '$.readings[-1]',
    '$.readings[0:2]',
    '$.readings[(@.length-1)]',
    '$[?(constructor.constructor("return process")())]',
    '$.readings[0,1]',
    '$.',
    '$[*',
  ])('%s is refused at load', (path) => {
    expect(compileJsonPath(path).ok).toBe(false);
  });

  it('finds nothing in a secret', () => {
    const data = { key: new Secret('hidden text') };
    for (const path of ['$.key.reveal', '$.key.toJSON', '$.*.reveal', '$.key.*']) {
      expect(find(path, data) ?? []).toEqual([]);
    }
  });

  it('finds no more than 10,000 things', () => {
    const rows = Array.from({ length: 300 }, () => Array.from({ length: 300 }, () => 1));
    expect(find('$[*][*]', rows)).toHaveLength(10_000);
  });
});
