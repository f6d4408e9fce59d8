import type { DeviceRow } from '../model/portable.ts';
import { createClient, urlFlag } from './client.ts';
import { defineCommand } from './command.ts';
import { COLUMN_RULES, DEVICE_SHAPE } from './device-rows.ts';
import { readRows } from './row-file.ts';
import { type Imported, importFlags, importRows } from './row-import.ts';

/** `device import`. */
export const importDevices = defineCommand({
  name: 'device import',
  summary: 'Registers the devices of a CSV or JSON file, row by row; the same again adds what is missing, and no more.',
  args: '<file>',
  flags: {
    profile: { type: 'string', value: '<name>', summary: 'device profile of the rows that name none' },
    ...importFlags,
    ...urlFlag,
  },
  notes:
    `${COLUMN_RULES}\n` +
    'A file that begins with [ is JSON: what device export writes. New devices get credentials of their own: those of\n' +
    'profiles with check-pre-provisioned-devices fetch them by provisioning, others are given theirs by device rotate.\n' +
    'Trees and what devices stand under must be there, or stand in rows before. A row that is refused is named, with its\n' +
    'column and what to do; the others are imported, and the exit code is 1.',
  examples: [
    'gridmoor device import meters.csv --dry-run',
    'gridmoor device import meters.csv --profile smart-meter',
    'gridmoor device import devices.json --update',
  ],
  async run({ url, json, profile, update, 'dry-run': dryRun }, [path = ''], io) {
    const client = createClient(io, url);
    const file = readRows(io, path, profile === undefined ? DEVICE_SHAPE : withProfile(profile));
    const existing = update ? 'update' : 'complete';
    const ahead = dryRun ? withoutPlaced() : (row: DeviceRow) => row;
    return importRows(io, file, {
      unit: 'devices',
      json,
      dryRun,
      send: (rows) =>
        client.post<Imported>('/api/gridmoor/import/devices', { rows: rows.map(ahead), existing, dryRun }),
    });
  },
});

const withProfile = (profile: string): typeof DEVICE_SHAPE => ({
  ...DEVICE_SHAPE,
  fill: (row) => {
    row.profile ??= profile;
  },
});

/** In a dry run no row is written that a later one could stand under: such places are taken on trust. */
function withoutPlaced(): (row: DeviceRow) => DeviceRow {
  const placed = new Set<string>();
  return (row) => {
    if (row.trees === undefined) return row;
    const trees = row.trees.filter(({ tree, parent }) => !placed.has(`${tree} ${parent}`));
    for (const { tree } of row.trees) placed.add(`${tree} DEVICE:${row.name.trim()}`);
    return { ...row, trees };
  };
}
