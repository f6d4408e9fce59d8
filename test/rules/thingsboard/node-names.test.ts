import { describe, expect, it } from 'vitest';
import { uniqueNames } from '../../../src/rules/thingsboard/node-names.ts';

const named = (...names: string[]) => uniqueNames(names.map((name) => ({ name, type: 'a.b.TbLogNode' })));

describe('uniqueNames', () => {
  it.each([
    [['log'], ['log']],
    [
      ['log', 'log', 'log'],
      ['log', 'log 2', 'log 3'],
    ],
    [
      ['log', 'log', 'log 2'],
      ['log', 'log 3', 'log 2'],
    ],
    [
      ['log 2', 'log', 'log', 'log 2'],
      ['log 2', 'log', 'log 3', 'log 2 2'],
    ],
    [
      ['', ' ', 'TbLogNode'],
      ['TbLogNode', 'TbLogNode 2', 'TbLogNode 3'],
    ],
    [
      ['Log', 'log'],
      ['Log', 'log'],
    ],
    [
      ['constructor', '__proto__', '__proto__'],
      ['constructor', '__proto__', '__proto__ 2'],
    ],
  ])('%j are %j', (names, unique) => {
    expect(named(...names)).toEqual(unique);
  });

  it('takes keys before names, and keeps names within their length', () => {
    const long = 'x'.repeat(255);
    const nodes = [
      { name: 'log', key: 'first', type: 't' },
      { name: 'first', type: 't' },
      { name: long, type: 't' },
      { name: long, type: 't' },
    ];
    expect(uniqueNames(nodes)).toEqual(['first', 'first 2', long, `${'x'.repeat(253)} 2`]);
  });
});
