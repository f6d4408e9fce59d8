import { BrokerError } from '../errors.ts';
import type { Device } from '../model/device.ts';
import type { Page, PageQuery } from '../model/entity.ts';
import { type DeviceId, parseDeviceId } from '../model/ids.ts';
import type { Principal } from '../registry/api-keys.ts';
import type { AdminDeps } from './deps.ts';
import type { Route } from './route.ts';

type ScopeDeps = Pick<AdminDeps, 'attachments' | 'registry'>;

/**
 * The one place that keeps suppliers to their own: a route without the mark `supplier` was refused before, one with the mark
 * `device` names a device that must be attached to the supplier. Other devices are as if they did not exist.
 */
export async function checkSupplierScope(
  principal: Principal,
  route: Pick<Route, 'supplier'>,
  params: unknown,
  deps: ScopeDeps,
): Promise<void> {
  if (principal.role !== 'supplier' || route.supplier !== 'device') return;
  const { id } = params as { readonly id?: string };
  const deviceId = id === undefined ? undefined : parseDeviceId(id);
  if (deviceId === undefined) throw new BrokerError('BAD_REQUEST', { field: 'id', detail: '"id" is not a UUID' });
  if (!(await isOfSupplier(principal, deviceId, deps))) throw new BrokerError('DEVICE_NOT_FOUND', { device: deviceId });
}

/** Whether the device is attached to the supplier that the principal is bound to. */
export async function isOfSupplier(
  { supplierId }: Principal,
  deviceId: DeviceId,
  { attachments }: Pick<ScopeDeps, 'attachments'>,
): Promise<boolean> {
  return supplierId !== undefined && (await attachments.attachment(deviceId))?.supplier.id === supplierId;
}

export interface DeviceFilter extends PageQuery {
  readonly textSearch?: string;
  readonly profile?: string;
}

const STEP = 500;

/** The devices that are attached to the supplier of the principal, by name. */
export async function devicesOfSupplier(
  { supplierId }: Principal,
  { page, pageSize, textSearch, profile }: DeviceFilter,
  { attachments, registry }: ScopeDeps,
): Promise<Page<Device>> {
  if (supplierId === undefined) throw new BrokerError('FORBIDDEN');
  const find = async (query: PageQuery) => {
    const found = await attachments.list({ ...query, supplierId });
    const devices = await Promise.all(found.data.map(({ device }) => registry.device(device.id)));
    return { ...found, data: devices.filter((device) => device !== undefined) };
  };
  if (textSearch === undefined && profile === undefined) return find({ page, pageSize });
  const part = textSearch?.toLowerCase() ?? '';
  const data: Device[] = [];
  let matches = 0;
  for (let at = 0, more = true; more; at++) {
    const step = await find({ page: at, pageSize: STEP });
    for (const device of step.data) {
      if (profile !== undefined && device.profile !== profile) continue;
      if (!device.name.toLowerCase().includes(part)) continue;
      if (matches >= page * pageSize && data.length < pageSize) data.push(device);
      matches++;
    }
    more = step.hasNext;
  }
  return { data, totalElements: matches, hasNext: (page + 1) * pageSize < matches };
}
