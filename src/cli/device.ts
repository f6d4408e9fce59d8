import { apiPath, createClient, type Page, urlFlag } from './client.ts';
import { defineCommand } from './command.ts';
import { create, credentials, reset, revoke, rotate } from './device-credentials.ts';
import { exportDevices } from './device-export.ts';
import { importDevices } from './device-import.ts';
import { disable, enable, lift, replace, retire, tombstones } from './device-life.ts';
import { findDevice, type TbDevice } from './device-lookup.ts';
import { provision } from './device-provision.ts';
import { group } from './frame.ts';
import { EXIT } from './io.ts';
import { pagingFlags, pagingOf, printPage } from './paging.ts';
import { formatTime, printFacts, printJson, valueText } from './table.ts';

const list = defineCommand({
  name: 'device list',
  summary: 'Lists the devices.',
  flags: { ...pagingFlags, ...urlFlag },
  examples: ['gridmoor device list', 'gridmoor device list --page-size 1000 --json'],
  async run({ url, json, ...given }, _args, io) {
    const page = await createClient(io, url).get<Page<TbDevice>>('/api/tenant/devices', pagingOf(given));
    printPage(io, page, { json, given }, ['id', 'name', 'profile', 'created'], (one) => [
      one.id.id,
      one.name,
      one.type,
      formatTime(one.createdTime),
    ]);
    return EXIT.fine;
  },
});

const show = defineCommand({
  name: 'device show',
  summary: 'Shows a device, its attachment and its latest values.',
  args: '<device>',
  flags: urlFlag,
  examples: ['gridmoor device show meter-1'],
  async run({ url, json }, [typed = ''], io) {
    const client = createClient(io, url);
    const device = await findDevice(client, typed);
    const values = apiPath`/api/plugins/telemetry/DEVICE/${device.id.id}/values`;
    const [{ state }, attachments, attributes, latest] = await Promise.all([
      client.get<{ readonly state: string }>(apiPath`/api/gridmoor/devices/${device.id.id}/state`),
      client.get<Page<ShownAttachment>>('/api/gridmoor/attachments', { device: device.id.id }),
      client.get<readonly ShownAttribute[]>(`${values}/attributes`),
      client.get<Readonly<Record<string, readonly ShownValue[]>>>(`${values}/timeseries`),
    ]);
    const attachment = attachments.data[0];
    if (json) {
      printJson(io, { device, state, attachment, attributes, latest });
      return EXIT.fine;
    }
    printFacts(io, [
      ['id', device.id.id],
      ['name', device.name],
      ['profile', device.type],
      ['state', state],
      ['created', formatTime(device.createdTime)],
      ['supplier', attachment?.supplier?.name],
      ['supply point', attachment?.supplyPoint],
      ['grid', attachment?.grid?.name],
      ['attached since', formatTime(attachment?.since)],
      ...attributes.map(({ key, value }) => [`attribute ${key}`, valueText(value)] as const),
      ...Object.entries(latest).map(([key, series]) => [`latest ${key}`, latestText(series[0])] as const),
    ]);
    return EXIT.fine;
  },
});

interface ShownAttachment {
  readonly supplier?: { readonly name?: string };
  readonly supplyPoint?: string;
  readonly grid?: { readonly name?: string };
  readonly since?: number;
}

interface ShownAttribute {
  readonly key: string;
  readonly value: unknown;
}

interface ShownValue {
  readonly ts: number;
  readonly value: unknown;
}

const remove = defineCommand({
  name: 'device delete',
  summary: 'Deletes a device with its credentials and values, and ends its session.',
  args: '<device>',
  flags: urlFlag,
  examples: ['gridmoor device delete meter-1'],
  async run({ url, json }, [typed = ''], io) {
    const client = createClient(io, url);
    const device = await findDevice(client, typed);
    await client.delete(apiPath`/api/device/${device.id.id}`);
    if (json) printJson(io, { deleted: device.id.id });
    else io.stdout.write(`deleted ${device.name}\n`);
    return EXIT.fine;
  },
});

function latestText(value: ShownValue | undefined): string | undefined {
  return value ? `${valueText(value.value)} at ${formatTime(value.ts)}` : undefined;
}

export const run = group('device', 'Devices.', [
  list,
  show,
  create,
  rotate,
  credentials,
  revoke,
  reset,
  disable,
  enable,
  retire,
  replace,
  tombstones,
  lift,
  remove,
  provision,
  importDevices,
  exportDevices,
]);
