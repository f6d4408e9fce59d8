import { BrokerError } from '../errors.ts';
import { type Device, stateOf } from '../model/device.ts';
import { newAssetId } from '../model/ids.ts';
import type { NodeRef } from '../registry/asset-trees.ts';
import { json, text } from '../schema/fields.ts';
import type { AdminDeps } from './deps.ts';
import { createDevice } from './device-create.ts';
import { pageFields } from './lookup.ts';
import { defineRoute, type Route } from './route.ts';
import { refOf, shown } from './trees.ts';
import { countedPageOf, list, object, toCountedPage } from './wire.ts';

const tag = 'import and export';
const URL = '/api/gridmoor';
const MAX_ROWS = 1_000;
const MAX_NODES = 10_000;
const string = { type: 'string' } as const;
const name = { type: 'string', maxLength: 255 } as const;

interface DeviceRow {
  readonly name: string;
  readonly profile: string;
  readonly label?: string;
  readonly gateway?: boolean;
  readonly state?: string;
}
interface NodeRow {
  readonly entity: string;
  readonly parent?: string;
}

const DEVICE_ROW = object({ name, profile: name, 'label?': name, 'gateway?': { type: 'boolean' }, 'state?': string });
const NODE_ROW = object({ entity: { ...string, maxLength: 520 }, 'parent?': { ...string, maxLength: 520 } });
const RESULT = object({
  created: { type: 'integer' },
  refused: list(object({ row: { type: 'integer', description: 'From 1.' }, code: string, detail: string })),
});
const rowsOf = <T>(schema: Record<string, unknown>, maxItems: number) =>
  json<readonly T[]>(`At most ${maxItems} rows.`, {
    type: 'array',
    maxItems,
    items: { ...schema, additionalProperties: false },
  });

const toRow = (device: Device): DeviceRow => ({
  name: device.name,
  profile: device.profile,
  ...(device.label === undefined ? {} : { label: device.label }),
  ...(device.gateway ? { gateway: true } : {}),
  state: stateOf(device),
});

/** Each row on its own: what is wrong with one is told by its number, and the others are done. */
async function eachRow<T>(rows: readonly T[], run: (row: T) => Promise<void>) {
  const refused: { row: number; code: string; detail: string }[] = [];
  let created = 0;
  for (const [at, row] of rows.entries()) {
    try {
      await run(row);
      created++;
    } catch (error) {
      if (!(error instanceof BrokerError) || error.code === 'STORE_UNAVAILABLE') throw error;
      refused.push({ row: at + 1, code: error.code, detail: error.detail });
    }
  }
  return { created, refused };
}

/** Devices and trees as rows, out and in again, without any secret: new devices get credentials of their own. */
export function portableRoutes(deps: AdminDeps): readonly Route[] {
  const { storage, trees, lifeCycle, profiles, clock } = deps;

  const importDevice = async ({ state, ...row }: DeviceRow, by: string): Promise<void> => {
    const keepSealed = profiles().byName(row.profile)?.provision.strategy === 'check-pre-provisioned-devices';
    const { device } = await createDevice({ ...row, profileField: 'profile', keepSealed, by }, deps);
    if (state === 'disabled') await lifeCycle.disable(device.id, by);
    if (state === 'retired') await lifeCycle.retire(device.id, by);
  };

  /** An asset that is missing is made; a device must be there. */
  const nodeRef = async (given: string, field: string): Promise<NodeRef> => {
    const [, type, assetName] = /^ASSET:([^/]+)\/(.+)$/s.exec(given) ?? [];
    if (type === undefined || assetName === undefined) return refOf(given, field, deps);
    const now = clock.now();
    const { asset } = await storage.assets.ensureAsset({ id: newAssetId(now), type, name: assetName, createdAt: now });
    return `ASSET:${asset.id}`;
  };

  const portable = async (ref: NodeRef): Promise<string> => {
    const node = await shown(ref, deps);
    if (node.name === undefined) return ref;
    return ref.startsWith('DEVICE:') ? `DEVICE:${node.name}` : `ASSET:${node.type}/${node.name}`;
  };

  const exportTree = async (tree: string): Promise<readonly NodeRow[]> => {
    const rows: NodeRow[] = [];
    const open: { ref?: NodeRef; parent?: string }[] = [{}];
    for (let next = open.shift(); next; next = open.shift()) {
      const { ref, parent } = next;
      const limit = MAX_NODES + 1 - rows.length;
      const below = await trees.children(tree, { limit, ...(ref === undefined ? {} : { parent: ref }) });
      for (const child of below) {
        const entity = await portable(child);
        rows.push({ entity, ...(parent === undefined ? {} : { parent }) });
        open.push({ ref: child, parent: entity });
      }
      if (rows.length > MAX_NODES) {
        throw new BrokerError('BAD_REQUEST', { field: 'tree', detail: `the tree has more than ${MAX_NODES} nodes` });
      }
    }
    return rows;
  };

  return [
    defineRoute({
      method: 'GET',
      url: `${URL}/export/devices`,
      tag,
      summary: 'Devices as rows for an import, by name, without any secret.',
      role: 'operator',
      query: pageFields,
      answer: countedPageOf(DEVICE_ROW),
      handle: async ({ query }) => toCountedPage(await storage.registry.devices(query), query.pageSize, toRow),
    }),
    defineRoute({
      method: 'POST',
      url: `${URL}/import/devices`,
      tag,
      summary: 'Registers devices row by row; a row that cannot be is told with its number, and changes nothing.',
      role: 'administrator',
      body: { rows: rowsOf<DeviceRow>(DEVICE_ROW, MAX_ROWS) },
      answer: RESULT,
      handle: ({ body: { rows }, by }) => eachRow(rows, (row) => importDevice(row, by)),
    }),
    defineRoute({
      method: 'GET',
      url: `${URL}/export/trees/:tree`,
      tag,
      summary: 'A tree as rows for an import: parents before what stands under them, devices and assets by name.',
      role: 'operator',
      params: { tree: text('Name of the tree.') },
      answer: object({ name: string, rows: list(NODE_ROW) }),
      handle: async ({ params: { tree } }) => ({ name: tree, rows: await exportTree(tree) }),
    }),
    defineRoute({
      method: 'POST',
      url: `${URL}/import/trees/:tree`,
      tag,
      summary: 'Puts rows into a tree, which is made when it is missing, as are its assets; devices must be there.',
      role: 'administrator',
      params: { tree: text('Name of the tree.') },
      body: { rows: rowsOf<NodeRow>(NODE_ROW, MAX_NODES) },
      answer: RESULT,
      async handle({ params: { tree }, body: { rows }, by }) {
        if (!(await trees.list()).some((one) => one.name === tree)) await trees.create(tree, by);
        return eachRow(rows, async ({ entity, parent }) => {
          const ref = await nodeRef(entity, 'entity');
          await trees.add(tree, parent === undefined ? { ref } : { ref, parent: await nodeRef(parent, 'parent') }, by);
        });
      },
    }),
  ];
}
