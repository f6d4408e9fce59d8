import { apiPath, createClient, urlFlag } from './client.ts';
import { defineCommand } from './command.ts';
import { type CreatedDevice, printCreated } from './device-credentials.ts';
import { findDevice } from './device-lookup.ts';
import { EXIT } from './io.ts';
import { formatTime, printJson, printTable } from './table.ts';

interface Changed {
  readonly name: string;
  readonly state: string;
}

interface Tombstone {
  readonly name: string;
  readonly deviceId: string;
  readonly why: string;
  readonly at: number;
  readonly by: string;
}

const step = (verb: string, summary: string) =>
  defineCommand({
    name: `device ${verb}`,
    summary,
    args: '<device>',
    flags: urlFlag,
    examples: [`gridmoor device ${verb} meter-1`],
    async run({ url, json }, [typed = ''], io) {
      const client = createClient(io, url);
      const device = await findDevice(client, typed);
      const changed = await client.post<Changed>(apiPath`/api/gridmoor/devices/${device.id.id}/${verb}`);
      if (json) printJson(io, changed);
      else io.stdout.write(`${changed.name} is ${changed.state}\n`);
      return EXIT.fine;
    },
  });

/** `device disable`. */
export const disable = step('disable', 'Ends the session of a device and refuses it until it is enabled.');
/** `device enable`. */
export const enable = step('enable', 'Lets a disabled device in again, with the credentials it had.');
/** `device retire`. */
export const retire = step('retire', 'Ends a device for good: its history stays, its name cannot be registered again.');

/** `device replace`. */
export const replace = defineCommand({
  name: 'device replace',
  summary: 'Puts another unit in the place of a device: history and attachment stay; prints its credentials, once.',
  args: '<device> <new-name>',
  flags: urlFlag,
  examples: ['gridmoor device replace meter-1 meter-1b'],
  async run({ url, json }, [typed = '', name = ''], io) {
    const client = createClient(io, url);
    const device = await findDevice(client, typed);
    const path = apiPath`/api/gridmoor/devices/${device.id.id}/replace`;
    printCreated(io, await client.post<CreatedDevice>(path, { name }), json);
    return EXIT.fine;
  },
});

/** `device tombstones`. */
export const tombstones = defineCommand({
  name: 'device tombstones',
  summary: 'Lists names of devices that were retired and deleted, or replaced: they cannot be registered again.',
  flags: {
    after: { type: 'string', value: '<name>', summary: 'names behind this one' },
    ...urlFlag,
  },
  examples: ['gridmoor device tombstones'],
  async run({ url, json, after }, _args, io) {
    const found = await createClient(io, url).get<{ readonly data: readonly Tombstone[] }>('/api/gridmoor/tombstones', {
      after,
      limit: 1_000,
    });
    if (json) printJson(io, found);
    else {
      const rows = found.data.map((one) => [one.name, one.deviceId, one.why, formatTime(one.at), one.by]);
      printTable(io, ['name', 'device', 'why', 'since', 'by'], rows);
    }
    return EXIT.fine;
  },
});

/** `device lift`. */
export const lift = defineCommand({
  name: 'device lift',
  summary: 'Lets the name of a retired or replaced device be registered again.',
  args: '<name>',
  flags: urlFlag,
  examples: ['gridmoor device lift meter-1'],
  async run({ url, json }, [name = ''], io) {
    await createClient(io, url).delete(apiPath`/api/gridmoor/tombstones/${name}`);
    if (json) printJson(io, { lifted: name });
    else io.stdout.write(`${name} may be registered again\n`);
    return EXIT.fine;
  },
});
