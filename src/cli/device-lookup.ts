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

/** Finds a device by what a person types: its name first, then its id. */
export async function findDevice(client: Client, typed: string): Promise<TbDevice> {
  const named = await client.find<TbDevice>('/api/tenant/devices', { deviceName: typed });
  if (named) return named;
  const byId = UUID.test(typed) ? await client.find<TbDevice>(apiPath`/api/device/${typed}`) : undefined;
  if (byId) return byId;
  throw new CommandFailure(EXIT.findings, `There is no device "${typed}". Known ones: gridmoor device list`);
}
