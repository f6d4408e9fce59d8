import type { Device } from '../../model/device.ts';
import type { Page } from '../../model/entity.ts';
import type { DeviceListQuery } from '../registry-store.ts';
import type { Environment, Span } from './environment.ts';
import { ID_BYTES, textOf } from './keys.ts';
import { getJson, pageOf } from './records.ts';

/** Names that a search looks at before it lets other work of the process run. */
const NAMES_PER_TURN = 2000;
/** All text keys. */
const ALL_NAMES: Span = { from: Buffer.from([1]), to: Buffer.from([2]) };

/** Devices by name; without a filter a page costs what it holds, with one it reads the index of names. */
export async function listDevices(
  environment: Environment,
  query: DeviceListQuery,
  total: number,
): Promise<Page<Device>> {
  const { deviceNames, devices } = environment.tables;
  const { page, pageSize, profile } = query;
  const deviceAt = (entry: Buffer): Device | undefined => getJson<Device>(devices, entry.subarray(0, ID_BYTES));
  const part = query.textSearch?.toLowerCase();
  if ((part === undefined || part === '') && profile === undefined) {
    return pageOf(deviceNames, ALL_NAMES, { page, pageSize, total, toItem: (_, entry) => deviceAt(entry) });
  }
  const first = page * pageSize;
  const found: Buffer[] = [];
  let matches = 0;
  let seen = 0;
  const snapshot = environment.snapshot();
  try {
    for (const { key, value } of deviceNames.entries({ ...ALL_NAMES, snapshot })) {
      if (++seen % NAMES_PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
      if (profile !== undefined && value.toString('utf8', ID_BYTES) !== profile) continue;
      if (part !== undefined && !textOf(key).toLowerCase().includes(part)) continue;
      if (matches >= first && found.length < pageSize) found.push(value);
      matches++;
    }
  } finally {
    snapshot.done();
  }
  const data = found.map(deviceAt).filter((device) => device !== undefined);
  return { data, totalElements: matches, hasNext: first + pageSize < matches };
}
