import { apiPath, createClient, type Page, urlFlag } from './client.ts';
import { defineCommand } from './command.ts';
import { findDevice } from './device-lookup.ts';
import { group } from './frame.ts';
import { EXIT, UsageError } from './io.ts';
import { pagingFlags, pagingOf, printMore } from './paging.ts';
import { type Cell, formatTime, printJson, printTable } from './table.ts';

const ATTACHMENTS = '/api/gridmoor/attachments';

interface Named {
  readonly id?: string;
  readonly name?: string;
}

interface Attachment {
  readonly device: string | Named;
  readonly supplier?: Named;
  readonly supplyPoint?: string;
  readonly grid?: Named & { readonly code?: string };
  readonly since?: number | string;
  readonly until?: number | string;
}

const HEADINGS = ['device', 'supplier', 'supply point', 'grid', 'since', 'until'];

const row = (one: Attachment): Cell[] => [
  typeof one.device === 'string' ? one.device : (one.device.name ?? one.device.id),
  one.supplier?.name ?? one.supplier?.id,
  one.supplyPoint,
  one.grid?.name ?? one.grid?.code,
  formatTime(one.since),
  formatTime(one.until),
];

const list = defineCommand({
  name: 'attachment list',
  summary: 'Lists which device is attached to which supplier, supply point and grid.',
  flags: {
    device: { type: 'string', value: '<name or id>', summary: 'only of this device' },
    'supply-point': { type: 'string', value: '<code>', summary: 'only of this supply point' },
    supplier: { type: 'string', value: '<name or id>', summary: 'only of this supplier' },
    ...pagingFlags,
    ...urlFlag,
  },
  examples: ['gridmoor attachment list --device meter-1'],
  async run({ url, json, device, supplier, 'supply-point': supplyPoint, ...given }, _args, io) {
    const query = { device, supplyPoint, supplier, ...pagingOf(given) };
    const page = await createClient(io, url).get<Page<Attachment>>(ATTACHMENTS, query);
    if (json) printJson(io, page);
    else {
      printTable(
        io,
        HEADINGS.slice(0, 5),
        page.data.map((one) => row(one).slice(0, 5)),
      );
      printMore(io, page, given);
    }
    return EXIT.fine;
  },
});

const history = defineCommand({
  name: 'attachment history',
  summary: 'Lists all attachments a device ever had, the newest first.',
  args: '<device>',
  flags: urlFlag,
  examples: ['gridmoor attachment history meter-1'],
  async run({ url, json }, [typed = ''], io) {
    const client = createClient(io, url);
    const device = await findDevice(client, typed);
    const page = await client.get<Page<Attachment>>(apiPath(ATTACHMENTS, device.id.id, '/history'));
    if (json) printJson(io, page);
    else printTable(io, HEADINGS, page.data.map(row));
    return EXIT.fine;
  },
});

const move = defineCommand({
  name: 'attachment move',
  summary: 'Attaches a device to another supplier or supply point.',
  args: '<device>',
  flags: {
    supplier: { type: 'string', value: '<id>', summary: 'the new supplier' },
    'supply-point': { type: 'string', value: '<code>', summary: 'the new supply point' },
    ...urlFlag,
  },
  examples: ['gridmoor attachment move meter-1 --supplier 6c1f… --supply-point ES0021000000000001JD'],
  async run({ url, json, supplier, 'supply-point': supplyPoint }, [typed = ''], io) {
    if (supplier === undefined && supplyPoint === undefined) {
      throw new UsageError('Say where to: --supplier, --supply-point or both.');
    }
    const client = createClient(io, url);
    const device = await findDevice(client, typed);
    const body = { supplier, supplyPoint };
    const moved = await client.post<Attachment>(apiPath(ATTACHMENTS, device.id.id, '/move'), body);
    if (json) printJson(io, moved);
    else io.stdout.write(`moved ${device.name}\n`);
    return EXIT.fine;
  },
});

const end = defineCommand({
  name: 'attachment end',
  summary: 'Ends the attachment of a device; its history stays.',
  args: '<device>',
  flags: urlFlag,
  examples: ['gridmoor attachment end meter-1'],
  async run({ url, json }, [typed = ''], io) {
    const client = createClient(io, url);
    const device = await findDevice(client, typed);
    const ended = await client.delete<unknown>(apiPath(ATTACHMENTS, device.id.id));
    if (json) printJson(io, ended ?? { ended: device.id.id });
    else io.stdout.write(`ended the attachment of ${device.name}\n`);
    return EXIT.fine;
  },
});

export const run = group('attachment', 'What binds a device to its supplier, supply point and grid.', [
  list,
  history,
  move,
  end,
]);
