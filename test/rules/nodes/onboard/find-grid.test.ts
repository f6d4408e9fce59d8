import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { testMsg } from '../../../helpers/chain-kit.ts';
import { makeNode } from '../../../helpers/chain-node.ts';

const at = (stem: string) => testMsg({ metadata: { 'supplyPoint.stem': stem } });
const grids = (entries: object[]) => ({ readJson: () => ({ grids: entries }) });
const gridOf = (stem: string, ...args: Parameters<typeof makeNode> extends [string, ...infer R] ? R : never) => {
  const result = makeNode('onboard/find-grid', ...args).run(at(stem));
  return result instanceof Promise ? undefined : result.msg.metadata.gridCode;
};

describe('onboard/find-grid', () => {
  it.each([
    ['ES0031005000000000XX', '0031', 'the group prefix'],
    ['ES0031105000000000XX', '0023', 'the fifth digit'],
    ['ES0031305000000000XX', '0029', 'the sixth digit'],
    ['ES0031315000000000XX', '0120', 'the fifth digit, when no sixth is listed'],
    ['ES0390000000000042XY', '0022', 'an absorbed zone'],
  ])('%s is grid %s by %s', (stem, code) => {
    expect(gridOf(stem)).toBe(code);
  });

  it('gives the first four digits as unknown, whatever was in the metadata before', () => {
    expect(gridOf('ES9999999999999999SA')).toBe('unknown:9999');
  });

  it('lets a further table win over the default one', () => {
    const tables: Record<string, object> = {
      'lookups/distributors.json': { grids: [{ code: 'a', name: 'A', prefixes: ['1234'] }] },
      'mine.json': { grids: [{ code: 'b', name: 'B', prefixes: ['1234', '123412'] }] },
    };
    const readJson = (path: string) => tables[path];
    expect(gridOf('ES1234123456789012JY', { extra: ['mine.json'] }, { readJson })).toBe('b');
    expect(gridOf('ES1234123456789012JY', {}, { readJson })).toBe('a');
  });

  it('fails without a supply point', () => {
    expect(() => makeNode('onboard/find-grid').run(testMsg())).toThrow('put onboard/supply-point before');
  });

  it.each([
    [{ readJson: () => [] }, 'no list "grids"'],
    [grids([{ code: '1' }]), '/grids/0 needs "code", "name" and a list "prefixes"'],
    [grids([{ code: '1', name: 'n', prefixes: [21] }]), 'a prefix is a text'],
    [grids([{ code: '1', name: 'n', prefixes: ['1', '1'] }]), 'prefix 1 stands twice'],
  ])('refuses a table at load: %#', (loader, problem) => {
    expect(() => makeNode('onboard/find-grid', {}, loader)).toThrow(problem);
  });

  it('has every electricity distributor of the table, each prefix once', () => {
    const table = JSON.parse(readFileSync('rule-chains/lookups/distributors.json', 'utf8')) as {
      grids: { code: string; prefixes: string[] }[];
    };
    const prefixes = table.grids.flatMap((grid) => grid.prefixes);
    expect(new Set(prefixes).size).toBe(prefixes.length);
    expect(prefixes.sort()).toEqual(
      '0021 0022 0023 0024 0026 0027 0029 0031 00311 00313 003130 00315 00316 0120 0224 0282 0288 0363 0390 0396 0397'.split(
        ' ',
      ),
    );
  });
});
