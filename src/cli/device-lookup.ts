import type { Client } from './client.ts';
import { apiPath } from './client.ts';
import { CommandFailure, EXIT } from './io.ts';

/** A device as ThingsBoard's REST API gives it. */
export interface TbDevice {
  readonly id: { readonly entityType: string; readonly id: string };
  readonly name: string;
  readonly type?: string;
  readonly label?: string;
  readonly createdTime?: number;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** The device that a person typed, or undefined: by its name first, then by its id. */
export async function lookForDevice(client: Client, typed: string): Promise<TbDevice | undefined> {
  const named = await client.find<TbDevice>('/api/tenant/devices', { deviceName: typed });
  if (named) return named;
  return UUID.test(typed) ? client.find<TbDevice>(apiPath`/api/device/${typed}`) : undefined;
}

/** The same for a device that must be there. Throws CommandFailure. */
export async function findDevice(client: Client, typed: string): Promise<TbDevice> {
  const found = await lookForDevice(client, typed);
  if (found) return found;
  throw new CommandFailure(EXIT.findings, `There is no device "${typed}". Known ones: gridmoor device list`);
}
