import { type JsonValue, stringifyJson } from '../model/json.ts';
import { apiPath, createClient, type Page, urlFlag } from './client.ts';
import { defineCommand } from './command.ts';
import { findDevice, type TbDevice } from './device-lookup.ts';
import { provision } from './device-provision.ts';
import { group } from './frame.ts';
import { EXIT, type Io, UsageError } from './io.ts';
import { pagingFlags, pagingOf, printMore } from './paging.ts';
import { readSecretFile } from './secret-input.ts';
import { formatTime, printFacts, printJson, printTable } from './table.ts';

const DEVICES = '/api/gridmoor/devices';

const list = defineCommand({
  name: 'device list',
  summary: 'Lists the devices.',
  flags: { ...pagingFlags, ...urlFlag },
  examples: ['gridmoor device list', 'gridmoor device list --page-size 1000 --json'],
  async run({ url, json, ...given }, _args, io) {
    const page = await createClient(io, url).get<Page<TbDevice>>('/api/tenant/devices', pagingOf(given));
    if (json) printJson(io, page);
    else {
      const rows = page.data.map((one) => [one.id.id, one.name, one.type, formatTime(one.createdTime)]);
      printTable(io, ['id', 'name', 'profile', 'created'], rows);
      printMore(io, page, given);
    }
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
    const [attachments, attributes, latest] = await Promise.all([
      client.get<Page<ShownAttachment>>('/api/gridmoor/attachments', { device: device.id.id }),
      client.get<readonly ShownAttribute[]>(`${values}/attributes`),
      client.get<Readonly<Record<string, readonly ShownValue[]>>>(`${values}/timeseries`),
    ]);
    const attachment = attachments.data[0];
    if (json) {
      printJson(io, { device, attachment, attributes, latest });
      return EXIT.fine;
    }
    printFacts(io, [
      ['id', device.id.id],
      ['name', device.name],
      ['profile', device.type],
      ['created', formatTime(device.createdTime)],
      ['supplier', attachment?.supplier?.name],
      ['supply point', attachment?.supplyPoint],
      ['grid', attachment?.grid?.name],
      ['attached since', formatTime(attachment?.since)],
      ...attributes.map(({ key, value }) => [`attribute ${key}`, textOf(value)] as const),
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

const create = defineCommand({
  name: 'device create',
  summary: 'Registers a device before it comes, and prints its credentials, once.',
  args: '<name>',
  flags: {
    profile: { type: 'string', value: '<name>', summary: 'its device profile' },
    'token-file': {
      type: 'string',
      value: '<path>',
      summary: 'file with its access token, - for stdin; else one is made',
    },
    label: { type: 'string', value: '<text>', summary: 'what people call it' },
    'keep-sealed': { type: 'boolean', summary: 'let the device fetch the credentials once, by provisioning' },
    'client-id': { type: 'string', value: '<id>', summary: 'MQTT_BASIC: client id' },
    'user-name': { type: 'string', value: '<name>', summary: 'MQTT_BASIC: user name' },
    'password-file': { type: 'string', value: '<path>', summary: 'MQTT_BASIC: file with its password, - for stdin' },
    ...urlFlag,
  },
  examples: ['gridmoor device create meter-1 --profile smart-meter'],
  async run({ url, json, profile, label, 'keep-sealed': keepSealed, ...given }, [name = ''], io) {
    if (profile === undefined) throw new UsageError('--profile is missing: the name of a device profile.');
    const credentials = await credentialsOf(io, given);
    const made = await createClient(io, url).post<CreatedDevice>(DEVICES, {
      name,
      profile,
      label,
      credentials,
      keepSealed,
    });
    printCreated(io, made, json);
    return EXIT.fine;
  },
});

const rotate = defineCommand({
  name: 'device rotate',
  summary: 'Gives a device new credentials, prints them once, and ends its session.',
  args: '<device>',
  flags: urlFlag,
  examples: ['gridmoor device rotate meter-1'],
  async run({ url, json }, [typed = ''], io) {
    const made = await createClient(io, url).post<CreatedDevice>(apiPath`/api/gridmoor/devices/${typed}/rotate`);
    printCreated(io, made, json);
    return EXIT.fine;
  },
});

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

interface CreatedDevice {
  readonly id: string;
  readonly name: string;
  readonly profile: string;
  readonly credentials: Readonly<Record<string, unknown>>;
}

interface CredentialFlags {
  readonly 'token-file'?: string | undefined;
  readonly 'client-id'?: string | undefined;
  readonly 'user-name'?: string | undefined;
  readonly 'password-file'?: string | undefined;
}

async function credentialsOf(io: Io, given: CredentialFlags): Promise<unknown> {
  const { 'token-file': token, 'client-id': clientId, 'user-name': userName, 'password-file': password } = given;
  const basic = clientId !== undefined || userName !== undefined || password !== undefined;
  if (token !== undefined && basic) throw new UsageError('--token-file and the MQTT_BASIC flags exclude each other.');
  if (token !== undefined) return { type: 'ACCESS_TOKEN', token: (await readSecretFile(io, token)).reveal() };
  if (!basic) return undefined;
  const secret = password === undefined ? undefined : (await readSecretFile(io, password)).reveal();
  return { type: 'MQTT_BASIC', clientId, userName, password: secret };
}

function printCreated(io: Io, made: CreatedDevice, json: boolean): void {
  if (json) {
    printJson(io, made);
    return;
  }
  printFacts(io, [
    ['id', made.id],
    ['name', made.name],
    ['profile', made.profile],
    ...Object.entries(made.credentials).map(([name, value]) => [name, textOf(value)] as const),
  ]);
  io.stderr.write('The credentials are shown this once and kept only as a keyed hash: write them down now.\n');
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : value === undefined ? '' : stringifyJson(value as JsonValue);
}

function latestText(value: ShownValue | undefined): string | undefined {
  return value ? `${textOf(value.value)} at ${formatTime(value.ts)}` : undefined;
}

export const run = group('device', 'Devices.', [list, show, create, rotate, remove, provision]);
