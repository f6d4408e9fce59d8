import { BrokerError } from '../errors.ts';
import { DEVICE_ROW, type DeviceRow, NODE_ROW, type NodeRow } from '../model/portable.ts';
import { flag, optional, text } from '../schema/fields.ts';
import type { AdminDeps } from './deps.ts';
import { pageFields } from './lookup.ts';
import { createPortableDevices } from './portable-devices.ts';
import { eachRow, IMPORTED, importFields, rowsOf } from './portable-rows.ts';
import { createPortableTrees, MAX_NODES } from './portable-trees.ts';
import { readableDevices } from './readable.ts';
import { defineRoute, type Route } from './route.ts';
import { keyList } from './telemetry.ts';
import { checkTree } from './trees.ts';
import { countedPageOf, list, object, toCountedPage } from './wire.ts';

const tag = 'import and export';
const URL = '/api/gridmoor';
const MAX_ROWS = 1_000;
const string = { type: 'string' } as const;
const treeParam = { tree: text('Name of the tree.') };
const keys = (scope: string) => optional(text(`Keys of ${scope} attributes that the rows shall hold, commas between.`));

/** Devices and trees as rows, out and in again, without any secret: new devices get credentials of their own. */
export function portableRoutes(deps: AdminDeps): readonly Route[] {
  const devices = createPortableDevices(deps);
  const portableTrees = createPortableTrees(deps);

  return [
    defineRoute({
      method: 'GET',
      url: `${URL}/export/devices`,
      tag,
      summary: 'Devices as rows for an import, by name, without any secret.',
      role: 'operator',
      query: {
        ...pageFields,
        server: keys('server'),
        shared: keys('shared'),
        trees: flag('Where each stands in trees, too.', { default: false }),
      },
      answer: countedPageOf(DEVICE_ROW),
      async handle({ query: { page, pageSize, server, shared, trees: placed }, principal }) {
        const wanted = { server: keyList(server) ?? [], shared: keyList(shared) ?? [], trees: placed };
        devices.check(wanted);
        if (placed && principal.subtree) {
          const detail = 'other trees are not for who is kept to a part of one: export your tree instead';
          throw new BrokerError('FORBIDDEN', { field: 'trees', detail });
        }
        const found = await readableDevices(principal, { page, pageSize }, deps);
        const rows = await Promise.all(found.data.map((device) => devices.toRow(device, wanted)));
        return toCountedPage({ ...found, data: rows }, pageSize, (row) => row);
      },
    }),
    defineRoute({
      method: 'POST',
      url: `${URL}/import/devices`,
      tag,
      summary: 'Registers devices row by row; a row that cannot be is told with its number and its field.',
      role: 'administrator',
      body: { rows: rowsOf<DeviceRow>(DEVICE_ROW, MAX_ROWS), ...importFields },
      answer: IMPORTED,
      handle({ body: { existing, dryRun }, json, by }) {
        // As they were sent: numbers keep their digits.
        const { rows } = json as unknown as { readonly rows: readonly DeviceRow[] };
        return eachRow(rows.map(asRegistered), (row) => devices.take(row, { existing, dryRun, by }), waits);
      },
    }),
    defineRoute({
      method: 'GET',
      url: `${URL}/export/trees/:tree`,
      tag,
      summary: 'A tree as rows for an import: parents before what stands under them, devices and assets by name.',
      role: 'operator',
      params: treeParam,
      answer: object({ name: string, rows: list(NODE_ROW) }),
      async handle({ params: { tree }, principal }) {
        checkTree(principal, tree);
        return { name: tree, rows: await portableTrees.rowsOf(tree, principal.subtree) };
      },
    }),
    defineRoute({
      method: 'POST',
      url: `${URL}/import/trees/:tree`,
      tag,
      summary: 'Puts rows into a tree, which is made when it is missing, as are its assets; devices must be there.',
      role: 'administrator',
      params: treeParam,
      body: { rows: rowsOf<NodeRow>(NODE_ROW, MAX_NODES), ...importFields },
      answer: IMPORTED,
      async handle({ params: { tree }, body: { rows, existing, dryRun }, by }) {
        return eachRow(rows, await portableTrees.intake(tree, { existing, dryRun, by }));
      },
    }),
  ];
}

/** A name is found as the registry keeps it: without spaces around it. */
const asRegistered = (row: DeviceRow): DeviceRow => ({ ...row, name: row.name.trim() });

/** A row about a device that an earlier one registers, or under which it shall stand. */
const waits = (row: DeviceRow, { name }: DeviceRow): boolean =>
  row.name === name || (row.trees?.some(({ parent }) => parent === `DEVICE:${name}`) ?? false);
