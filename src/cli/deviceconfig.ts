import { apiPath, createClient, urlFlag } from './client.ts';
import { defineCommand } from './command.ts';
import { group } from './frame.ts';
import { EXIT, type Io } from './io.ts';
import { formatTime, printFacts, printJson, valueText } from './table.ts';
import { jsonOf, readTextFile } from './text-file.ts';

/** As the management API bounds it. */
const MAX_BYTES = 65_536;
const JSON_LIMITS = { maxDepth: 32, maxKeys: 10_000 };

interface DeviceConfig {
  readonly id: string;
  readonly digest: string;
  readonly setTime: number;
  readonly config: unknown;
}

const pathOf = (device: string): string => apiPath`/api/gridmoor/devices/${device}/config`;

function print(io: Io, { id, digest, setTime, config }: DeviceConfig): void {
  printFacts(io, [
    ['id', id],
    ['SHA-256', digest],
    ['set', formatTime(setTime)],
    ['configuration', valueText(config)],
  ]);
}

const show = defineCommand({
  name: 'deviceconfig show',
  summary: 'Shows the configuration of a device, with its digest.',
  args: '<device>',
  flags: urlFlag,
  examples: ['gridmoor deviceconfig show inv-0001'],
  async run({ url, json }, [device = ''], io) {
    const config = await createClient(io, url).get<DeviceConfig>(pathOf(device));
    if (json) printJson(io, config);
    else print(io, config);
    return EXIT.fine;
  },
});

const set = defineCommand({
  name: 'deviceconfig set',
  summary: 'Gives a device a configuration out of a file; it is told at once, or once at its next login.',
  args: '<device> <file.json>',
  flags: urlFlag,
  notes: 'The file holds one JSON object; numbers keep their digits.',
  examples: ['gridmoor deviceconfig set inv-0001 config.json'],
  async run({ url, json }, [device = '', path = ''], io) {
    const given = jsonOf(readTextFile(io, path, MAX_BYTES, { split: false }), JSON_LIMITS);
    const config = await createClient(io, url).put<DeviceConfig>(pathOf(device), given, undefined);
    if (json) printJson(io, config);
    else print(io, config);
    return EXIT.fine;
  },
});

const remove = defineCommand({
  name: 'deviceconfig delete',
  summary: 'Forgets the configuration of a device, and does not tell it.',
  args: '<device>',
  flags: urlFlag,
  examples: ['gridmoor deviceconfig delete inv-0001'],
  async run({ url, json }, [device = ''], io) {
    await createClient(io, url).delete(pathOf(device));
    if (json) printJson(io, { deleted: device });
    else io.stdout.write(`the configuration of ${device} is forgotten\n`);
    return EXIT.fine;
  },
});

export const run = group('deviceconfig', 'Configurations that devices are told of and ask for.', [show, set, remove]);
