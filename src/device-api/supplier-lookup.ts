import type { Clock } from '../model/clock.ts';
import { GrowingPause } from '../model/growing-pause.ts';
import type { DeviceId } from '../model/ids.ts';
import type { Secret } from '../model/secret.ts';
import type { Suppliers } from '../registry/suppliers.ts';
import type { SupplierMatch } from '../rules/index.ts';

export const createSupplierGuard = (): GrowingPause =>
  new GrowingPause({ free: 4, baseMs: 1_000, maxMs: 300_000, maxKeys: 100_000, decayMs: 600_000 });

/** The supplier of a key; a device that gives wrong ones waits for a growing time (cups.md 8). */
export async function findSupplier(
  parts: { readonly supplierGuard: GrowingPause; readonly clock: Clock; readonly suppliers: Suppliers },
  device: DeviceId,
  key: Secret,
): Promise<SupplierMatch> {
  const { supplierGuard, clock, suppliers } = parts;
  const state = supplierGuard.check(device, clock.monotonic());
  if (!state.allowed) return { kind: 'rate-limited', retryAfterMs: state.retryAfterMs };
  const found = await suppliers.findByKey(key);
  if (!found) {
    supplierGuard.fail(device, clock.monotonic());
    return { kind: 'not-found' };
  }
  supplierGuard.succeed(device);
  return { kind: 'found', ...found };
}
