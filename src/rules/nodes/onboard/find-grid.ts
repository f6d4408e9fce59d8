import { withMsg } from '../../../model/msg.ts';
import { text, texts } from '../../../schema/fields.ts';
import { defineNode, NodeFailure, type NodeLoader } from '../../node-kind.ts';

interface Entry {
  readonly code: string;
  readonly name: string;
}

export const findGrid = defineNode({
  kind: 'onboard/find-grid',
  version: 0,
  summary:
    'Finds the grid by the longest prefix of the digits of the supply point that onboard/supply-point found; puts metadata gridCode and gridName. A code that no table knows goes to Unknown as grid unknown:DDDD.',
  since: '0.1.0',
  fields: {
    table: text('Table of distributors, relative to the chain file.', { default: 'lookups/distributors.json' }),
    extra: texts('Further tables of the same form; their prefixes win over equal ones before them.', { default: [] }),
  },
  relations: ['Found', 'Unknown'],
  examples: [
    {
      title: 'A distributor of the table',
      config: {},
      msg: { data: {}, metadata: { 'supplyPoint.stem': 'ES0021000012345678LB', 'supplyPoint.distributor': '0021' } },
      goesTo: 'Found',
      metadata: { gridCode: '0021', gridName: 'i-DE Redes Eléctricas Inteligentes' },
    },
    {
      title: 'A distributor that no table knows',
      config: {},
      msg: { data: {}, metadata: { 'supplyPoint.stem': 'ES1234123456789012JY', 'supplyPoint.distributor': '1234' } },
      goesTo: 'Unknown',
      metadata: { gridCode: 'unknown:1234' },
    },
  ],
  create({ table, extra }, loader) {
    const byPrefix = new Map<string, Entry>();
    for (const path of [table, ...extra]) readTable(path, loader, byPrefix);
    warnOfTwoNames(byPrefix, loader);
    const longest = Math.max(0, ...[...byPrefix.keys()].map((prefix) => prefix.length));
    return {
      onMsg(msg) {
        const stem = msg.metadata['supplyPoint.stem'];
        if (stem === undefined) throw new NodeFailure('no supply point yet: put onboard/supply-point before this node');
        const digits = stem.replace(/^\D+/, '');
        for (let length = longest; length > 0; length--) {
          const entry = byPrefix.get(digits.slice(0, length));
          if (entry) {
            const metadata = { ...msg.metadata, gridCode: entry.code, gridName: entry.name };
            return { relation: 'Found', msg: withMsg(msg, { metadata }) };
          }
        }
        const operator = msg.metadata['supplyPoint.distributor'] ?? digits.slice(0, 4);
        const metadata = {
          ...msg.metadata,
          gridCode: `unknown:${operator}`,
          gridName: `Unknown distributor ${operator}`,
        };
        return { relation: 'Unknown', msg: withMsg(msg, { metadata }) };
      },
    };
  },
});

/** `{ "grids": [{ "code", "name", "prefixes": ["0021"] }] }` */
function readTable(path: string, loader: NodeLoader, byPrefix: Map<string, Entry>): void {
  const { grids } = (loader.readJson(path) ?? {}) as { grids?: unknown };
  if (!Array.isArray(grids)) throw new Error(`"${path}" has no list "grids"`);
  const own = new Set<string>();
  grids.forEach((grid: unknown, index) => {
    const { code, name, prefixes } = (grid ?? {}) as Record<string, unknown>;
    const where = `"${path}" /grids/${index}`;
    if (typeof code !== 'string' || typeof name !== 'string' || !Array.isArray(prefixes)) {
      throw new Error(`${where} needs "code", "name" and a list "prefixes"`);
    }
    for (const prefix of prefixes) {
      if (typeof prefix !== 'string' || !/^\d{1,16}$/.test(prefix)) {
        throw new Error(`${where}: a prefix is a text of 1 to 16 digits`);
      }
      if (own.has(prefix)) throw new Error(`${where}: prefix ${prefix} stands twice in the table`);
      own.add(prefix);
      byPrefix.set(prefix, { code, name });
    }
  });
}

/** One grid under two names is a slip of the tables: which one a device gets would hang on its digits. */
function warnOfTwoNames(byPrefix: ReadonlyMap<string, Entry>, loader: NodeLoader): void {
  const names = new Map<string, string>();
  for (const [prefix, { code, name }] of byPrefix) {
    const other = names.get(code) ?? name;
    if (other !== name) loader.warn?.(`grid ${code} is "${other}" and, for prefix ${prefix}, "${name}"`);
    names.set(code, other);
  }
}
