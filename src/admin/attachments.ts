import { BrokerError } from '../errors.ts';
import type { Attachment } from '../model/attachment.ts';
import type { Device } from '../model/device.ts';
import { type Config, json, optional, text } from '../schema/fields.ts';
import type { AttachResult } from '../storage/attachment-store.ts';
import type { AdminDeps } from './deps.ts';
import { type GivenGrid, gridOf } from './grids.ts';
import { deviceIdOf, findDevice, findSupplier, pageFields, supplyPointOf } from './lookup.ts';
import { defineRoute, type Route } from './route.ts';
import { ATTACHMENT, HISTORY_ENTRY, object, pageOf, toAttachment, toHistoryEntry, toPage, wholePage } from './wire.ts';

const URL = '/api/gridmoor/attachments';
const tag = 'attachments';
const deviceParam = { device: text('Id or name of the device.') };
const NOTHING = { data: [], totalElements: 0, hasNext: false } as const;

const target = {
  supplier: optional(text('Id or name of the new supplier; absent: the present one.')),
  supplyPoint: optional(text('The new supply point, in any spelling; absent: the present one.')),
  grid: optional(
    json<GivenGrid>('The new grid, by code, name or both; absent: the present one, if the operator is the same.', {
      type: 'object',
      additionalProperties: false,
      properties: { code: { type: 'string', minLength: 1 }, name: { type: 'string', minLength: 1 } },
    }),
  ),
};

/** What binds devices to supplier, supply point and grid. */
export function attachmentRoutes(deps: AdminDeps): readonly Route[] {
  const { attachments } = deps;
  return [
    defineRoute({
      method: 'GET',
      url: URL,
      tag,
      summary: 'Lists active attachments by device name; filters are joined by and.',
      role: 'read-only',
      query: {
        device: optional(text('Id or name of the device.')),
        supplyPoint: optional(text('Supply point code, in any spelling.')),
        supplier: optional(text('Id or name of the supplier.')),
        ...pageFields,
      },
      answer: pageOf(ATTACHMENT),
      async handle({ query }) {
        const { page, pageSize } = query;
        const supplyPoint = query.supplyPoint === undefined ? undefined : supplyPointOf(query.supplyPoint);
        const device = query.device === undefined ? undefined : await findDevice(query.device, deps);
        const supplier = query.supplier === undefined ? undefined : await findSupplier(query.supplier, deps);
        const unknown = (query.device !== undefined && !device) || (query.supplier !== undefined && !supplier);
        if (unknown) return NOTHING;
        const found = await attachments.list({
          page,
          pageSize,
          ...(device ? { deviceId: device.id } : {}),
          ...(supplyPoint ? { supplyPoint } : {}),
          ...(supplier ? { supplierId: supplier.asset.id } : {}),
        });
        return toPage(found, toAttachment);
      },
    }),
    defineRoute({
      method: 'GET',
      url: `${URL}/:device/history`,
      tag,
      summary: 'All that happened to the attachments of a device, oldest first; also of a deleted device, by its id.',
      role: 'read-only',
      params: deviceParam,
      answer: pageOf(HISTORY_ENTRY),
      async handle({ params }) {
        const history = await attachments.history(await deviceIdOf(params.device, deps));
        return wholePage(history.map(toHistoryEntry));
      },
    }),
    defineRoute({
      method: 'POST',
      url: `${URL}/:device/move`,
      tag,
      summary:
        'Attaches a device to another supplier, supply point or grid; a former holder of the supply point loses it.',
      role: 'operator',
      params: deviceParam,
      body: target,
      answer: object({ outcome: { enum: ['attached', 'already-attached', 'moved'] }, attachment: ATTACHMENT }),
      handle: async ({ params, body, by }) => move(params.device, body, by, deps),
    }),
    defineRoute({
      method: 'DELETE',
      url: `${URL}/:device`,
      tag,
      summary: 'Ends the attachment of a device; its history stays.',
      role: 'operator',
      params: deviceParam,
      answer: ATTACHMENT,
      handle: async ({ params, by }) => toAttachment(await attachments.end(await deviceIdOf(params.device, deps), by)),
    }),
  ];
}

async function move(ref: string, body: Config<typeof target>, by: string, deps: AdminDeps): Promise<unknown> {
  const device = await findDevice(ref, deps);
  if (!device) throw new BrokerError('DEVICE_NOT_FOUND', { field: 'device' });
  const present = await deps.attachments.attachment(device.id);
  const missing = (field: string): BrokerError =>
    new BrokerError('BAD_REQUEST', { field, detail: `the device is not attached yet: "${field}" is needed` });
  const supplierId = await supplierOf(body.supplier, present, deps);
  if (supplierId === undefined) throw missing('supplier');
  const point = body.supplyPoint === undefined ? present?.supplyPoint : supplyPointOf(body.supplyPoint);
  if (point === undefined) throw missing('supplyPoint');
  const { scheme, stem, suffix } = point;
  const supplyPoint = { scheme, stem, ...(suffix === undefined ? {} : { suffix }) };
  const kept = present && sameOperator(present, stem) ? present.grid : undefined;
  const grid = body.grid ? await gridOf(body.grid, deps) : kept;
  if (grid === undefined) {
    const detail = present ? 'the supply point is of another operator: say its grid' : missing('grid').detail;
    throw new BrokerError('BAD_REQUEST', { field: 'grid', detail });
  }
  const { code, name } = grid;
  const result = await deps.attachments.attach({
    deviceId: device.id,
    supplierId,
    supplyPoint,
    grid: { code, name },
    onConflict: 'move',
    by,
  });
  return { outcome: result.kind, attachment: toAttachment(attachmentOf(result, device)) };
}

async function supplierOf(ref: string | undefined, present: Attachment | undefined, deps: AdminDeps) {
  if (ref === undefined) return present?.supplier.id;
  const supplier = await findSupplier(ref, deps);
  if (!supplier) throw new BrokerError('SUPPLIER_NOT_FOUND', { field: 'supplier' });
  return supplier.asset.id;
}

/** Country letters and the four digits of the grid operator: another operator's point cannot be on the same grid. */
const sameOperator = (present: Attachment, stem: string): boolean =>
  present.supplyPoint.stem.slice(0, 6) === stem.slice(0, 6);

function attachmentOf(result: AttachResult, device: Device): Attachment {
  switch (result.kind) {
    case 'attached':
    case 'already-attached':
    case 'moved':
      return result.attachment;
    case 'conflict':
      throw new BrokerError('SUPPLY_POINT_TAKEN', { device: device.id });
    case 'unknown-device':
      throw new BrokerError('DEVICE_NOT_FOUND', { device: device.id });
    case 'unknown-supplier':
      throw new BrokerError('SUPPLIER_NOT_FOUND', { field: 'supplier' });
  }
}
