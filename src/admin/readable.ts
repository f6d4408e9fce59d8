import type { Device } from '../model/device.ts';
import type { Page } from '../model/entity.ts';
import type { DeviceId } from '../model/ids.ts';
import type { Principal } from '../registry/api-keys.ts';
import type { AdminDeps } from './deps.ts';
import { devicesOfSubtree } from './subtree-scope.ts';
import { type DeviceFilter, devicesOfSupplier, isOfSupplier } from './supplier-scope.ts';

type ReadDeps = Pick<AdminDeps, 'attachments' | 'registry' | 'trees'>;

/** Whether there are devices that the principal may not see: those of other suppliers, or outside its part of a tree. */
export const isLimited = ({ role, subtree }: Principal): boolean => role === 'supplier' || subtree !== undefined;

/** Whether the principal may read this device, now. */
export async function mayRead(
  principal: Principal,
  deviceId: DeviceId,
  deps: Pick<ReadDeps, 'attachments' | 'trees'>,
): Promise<boolean> {
  if (principal.role === 'supplier') return isOfSupplier(principal, deviceId, deps);
  return principal.subtree === undefined || deps.trees.isWithin(principal.subtree, `DEVICE:${deviceId}`);
}

/** The devices that the principal may read, by name. */
export function readableDevices(principal: Principal, filter: DeviceFilter, deps: ReadDeps): Promise<Page<Device>> {
  if (principal.role === 'supplier') return devicesOfSupplier(principal, filter, deps);
  return principal.subtree ? devicesOfSubtree(principal.subtree, filter, deps) : deps.registry.devices(filter);
}
