import { DEVICE_STATES, type DeviceState } from '../model/device.ts';
import { parseJson, stringifyJson } from '../model/json.ts';
import { DEVICE_ROW, type DeviceRow } from '../model/portable.ts';
import { guardCell, unguardCell } from './csv.ts';
import { CommandFailure, EXIT } from './io.ts';
import type { Column, Shape } from './row-file.ts';

const TOP = 'top';
const JSON_LIMITS = { maxDepth: 16, maxKeys: 1_000 };

const textColumn = (heading: 'name' | 'profile' | 'label'): Column<DeviceRow> => ({
  heading,
  field: heading,
  read(cell, row) {
    row[heading] = unguardCell(cell);
    return undefined;
  },
  write: (row) => guardCell(row[heading] ?? ''),
});

const gateway: Column<DeviceRow> = {
  heading: 'gateway',
  field: 'gateway',
  read(cell, row) {
    if (!/^(?:true|false)$/i.test(cell)) return 'must be true or false, or empty';
    row.gateway = cell.toLowerCase() === 'true';
    return undefined;
  },
  write: (row) => (row.gateway ? 'true' : ''),
};

const isState = (cell: string): cell is DeviceState => (DEVICE_STATES as readonly string[]).includes(cell);

const state: Column<DeviceRow> = {
  heading: 'state',
  field: 'state',
  read(cell, row) {
    if (!isState(cell)) return `must be empty or one of ${DEVICE_STATES.join(', ')}`;
    row.state = cell;
    return undefined;
  },
  write: (row) => row.state ?? '',
};

interface AttributeColumn {
  readonly heading: string;
  readonly side: 'server' | 'shared';
  readonly isJson: boolean;
  readonly key: string;
}

function attributeColumn({ heading, side, isJson, key }: AttributeColumn): Column<DeviceRow> {
  return {
    heading,
    field: `attributes/${side}/${key}`,
    read(cell, row) {
      const parsed = isJson ? parseJson(cell, JSON_LIMITS) : ({ ok: true, value: unguardCell(cell) } as const);
      if (!parsed.ok)
        return `must be JSON, texts in double quotes, or the column ${side}:${key} (${parsed.error.problem})`;
      row.attributes = {
        ...row.attributes,
        [side]: Object.fromEntries([...Object.entries(row.attributes?.[side] ?? {}), [key, parsed.value]]),
      };
      return undefined;
    },
    write(row) {
      const values = row.attributes?.[side] ?? {};
      const value = Object.hasOwn(values, key) ? values[key] : undefined;
      if (value === undefined) return '';
      if (isJson) return stringifyJson(value);
      if (typeof value === 'string') return guardCell(value);
      const problem = `the ${side} attribute "${key}" of ${row.name} is no text: export ${side}-json:${key}`;
      throw new CommandFailure(EXIT.findings, problem);
    },
  };
}

function treeColumn(heading: string, tree: string): Column<DeviceRow> {
  return {
    heading,
    field: `trees/${tree}`,
    read(cell, row) {
      if (cell !== TOP && !/^(?:DEVICE:.|ASSET:[^/]+\/.)/s.test(cell)) {
        return `must be "${TOP}", ASSET:<type>/<name> or DEVICE:<name>: what it stands under`;
      }
      row.trees = [...(row.trees ?? []), { tree, ...(cell === TOP ? {} : { parent: cell }) }];
      return undefined;
    },
    write(row) {
      const place = row.trees?.find((one) => one.tree === tree);
      return place ? (place.parent ?? TOP) : '';
    },
  };
}

const FIXED = [textColumn('name'), textColumn('profile'), textColumn('label'), gateway, state];

/** The column of a heading; undefined when there is none of that name. */
export function deviceColumn(heading: string): Column<DeviceRow> | undefined {
  const fixed = FIXED.find((one) => one.heading === heading.toLowerCase());
  if (fixed) return fixed;
  const [, kind = '', key = ''] = /^([a-z-]+):(.+)$/s.exec(heading) ?? [];
  if (kind === 'tree') return treeColumn(heading, key);
  const [, side, json] = /^(server|shared)(-json)?$/.exec(kind) ?? [];
  if (side !== 'server' && side !== 'shared') return undefined;
  return attributeColumn({ heading, side, isJson: json !== undefined, key });
}

/** The columns that every export of devices has. */
export const DEVICE_COLUMNS: readonly Column<DeviceRow>[] = FIXED;

export const DEVICE_SHAPE: Shape<DeviceRow> = {
  schema: DEVICE_ROW,
  headings: [
    ...FIXED.map(({ heading }) => heading),
    'server:<key>',
    'shared:<key>',
    'server-json:<key>',
    'tree:<tree>',
  ],
  needed: ['name'],
  column: deviceColumn,
  key: { field: 'name', of: ({ name }) => name },
};

export const COLUMN_RULES =
  'Columns, named by the first row, in any order:\n' +
  '  name                            its unique name\n' +
  '  profile                         its device profile; without the column, --profile\n' +
  '  label, gateway, state           what people call it; true or false; active, disabled or retired\n' +
  '  server:<key>, shared:<key>      an attribute whose value is the text of the cell, digits too\n' +
  '  server-json:<key>, shared-json:<key>   an attribute in JSON: 42, true, {"a":1}, "text"\n' +
  `  tree:<tree>                     what it stands under in that tree: ASSET:<type>/<name>, DEVICE:<name> or ${TOP}\n` +
  'An empty cell says nothing. UTF-8, with or without a byte order mark; comma, semicolon or tab; quotes after RFC 4180.\n' +
  "A text that a spreadsheet would take for a formula has ' before it, which is not part of it.";
