import type { NodeRow } from '../model/portable.ts';
import { apiPath, createClient, urlFlag } from './client.ts';
import { defineCommand } from './command.ts';
import { CommandFailure, EXIT } from './io.ts';
import { exportRows, formatFlag } from './row-export.ts';
import { readRows } from './row-file.ts';
import { type Imported, importFlags, importRows } from './row-import.ts';
import { NODE_COLUMNS, NODE_SHAPE } from './tree-rows.ts';

/** A dry run is one request: what it would place is known in it alone. */
const MOST_DRY = 4_000;

const FORM =
  'Columns: entity and parent (empty: at the top), each ASSET:<type>/<name> or DEVICE:<name>; in JSON a list of objects with\n' +
  'these two. Parents stand before what stands under them.';

/** `tree import`. */
export const importTree = defineCommand({
  name: 'tree import',
  summary: 'Puts the rows of a CSV or JSON file into a tree, which is made when it is missing, as are its assets.',
  args: '<tree> <file>',
  flags: { ...importFlags, ...urlFlag },
  notes: `${FORM}\nDevices must be there. The same again changes nothing; what stands elsewhere in the tree is moved by --update.`,
  examples: ['gridmoor tree import grid grid.csv --dry-run', 'gridmoor tree import grid grid.csv'],
  async run({ url, json, update, 'dry-run': dryRun }, [tree = '', path = ''], io) {
    const client = createClient(io, url);
    const file = readRows(io, path, NODE_SHAPE);
    if (dryRun && file.rows.length > MOST_DRY) {
      throw new CommandFailure(EXIT.findings, `${path} has more than ${MOST_DRY} rows: --dry-run takes no more`);
    }
    const existing = update ? 'update' : 'complete';
    return importRows(io, file, {
      unit: 'nodes',
      json,
      dryRun,
      whole: dryRun,
      send: (rows: readonly NodeRow[]) =>
        client.post<Imported>(apiPath`/api/gridmoor/import/trees/${tree}`, { rows, existing, dryRun }),
    });
  },
});

/** `tree export`. */
export const exportTree = defineCommand({
  name: 'tree export',
  summary: 'Writes a tree into a new CSV or JSON file, as tree import takes it.',
  args: '<tree> <file>',
  flags: { ...formatFlag, ...urlFlag },
  notes: `"-" is standard output.\n${FORM}`,
  examples: ['gridmoor tree export grid grid.csv', 'gridmoor tree export grid grid.json'],
  async run({ url, json, format }, [tree = '', path = ''], io) {
    const client = createClient(io, url);
    const { rows } = await client.get<{ readonly rows: readonly NodeRow[] }>(
      apiPath`/api/gridmoor/export/trees/${tree}`,
    );
    const pages = (async function* () {
      yield rows;
    })();
    return exportRows(io, { path, format, json, unit: 'nodes', columns: NODE_COLUMNS, pages });
  },
});
