import { apiPath, createClient, type Page, urlFlag } from './client.ts';
import { defineCommand } from './command.ts';
import { group } from './frame.ts';
import { EXIT, UsageError } from './io.ts';
import { pagingFlags, pagingOf, printPage } from './paging.ts';
import { type Cell, formatTime, printJson, printTable } from './table.ts';

const ATTACHMENTS = '/api/gridmoor/attachments';

interface Named {
  readonly id: string;
  readonly name: string;
}

interface Attachment {
  readonly device: Named;
  readonly supplier: Named;
  readonly supplyPoint: string;
  readonly grid: Named;
  readonly since: number;
}

interface HistoryEntry extends Attachment {
  readonly event: string;
  readonly at: number;
  readonly by: string;
}

const HEADINGS = ['device', 'supplier', 'supply point', 'grid', 'since'];

const row = ({ device, supplier, supplyPoint, grid, since }: Attachment): Cell[] => [
  device.name,
  supplier.name,
  supplyPoint,
  grid.name,
  formatTime(since),
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
    printPage(io, page, { json, given }, HEADINGS, row);
    return EXIT.fine;
  },
});

const history = defineCommand({
  name: 'attachment history',
  summary: 'Lists all that happened to the attachments of a device, the oldest first.',
  args: '<device>',
  flags: urlFlag,
  notes: '<device> is a name or an id; a deleted device still has its history under its id.',
  examples: ['gridmoor attachment history meter-1'],
  async run({ url, json }, [device = ''], io) {
    const page = await createClient(io, url).get<Page<HistoryEntry>>(
      apiPath`/api/gridmoor/attachments/${device}/history`,
    );
    if (json) printJson(io, page);
    else {
      const rows = page.data.map((entry) => [formatTime(entry.at), entry.event, entry.by, ...row(entry).slice(1, 4)]);
      printTable(io, ['at', 'event', 'by', 'supplier', 'supply point', 'grid'], rows);
    }
    return EXIT.fine;
  },
});

const move = defineCommand({
  name: 'attachment move',
  summary: 'Attaches a device to another supplier, supply point or grid; what is not said stays.',
  args: '<device>',
  flags: {
    supplier: { type: 'string', value: '<name or id>', summary: 'the new supplier' },
    'supply-point': { type: 'string', value: '<code>', summary: 'the new supply point; its former holder loses it' },
    'grid-code': {
      type: 'string',
      value: '<code>',
      summary: 'the new grid, when the supply point is of another operator',
    },
    'grid-name': {
      type: 'string',
      value: '<name>',
      summary: 'the same by its name; a grid that no device is on yet needs code and name',
    },
    ...urlFlag,
  },
  examples: ['gridmoor attachment move meter-1 --supplier "Sol Energia" --supply-point ES1234123456789012JY'],
  async run({ url, json, supplier, 'supply-point': supplyPoint, ...given }, [device = ''], io) {
    const { 'grid-code': code, 'grid-name': name } = given;
    const grid = code === undefined && name === undefined ? undefined : { code, name };
    if (supplier === undefined && supplyPoint === undefined && grid === undefined) {
      throw new UsageError('Say where to: --supplier, --supply-point, --grid-code or --grid-name.');
    }
    const path = apiPath`/api/gridmoor/attachments/${device}/move`;
    const moved = await createClient(io, url).post<Moved>(path, { supplier, supplyPoint, grid });
    if (json) printJson(io, moved);
    else printTable(io, ['outcome', ...HEADINGS], [[moved.outcome, ...row(moved.attachment)]]);
    return EXIT.fine;
  },
});

interface Moved {
  readonly outcome: string;
  readonly attachment: Attachment;
}

const end = defineCommand({
  name: 'attachment end',
  summary: 'Ends the attachment of a device; its history stays.',
  args: '<device>',
  flags: urlFlag,
  examples: ['gridmoor attachment end meter-1'],
  async run({ url, json }, [device = ''], io) {
    const ended = await createClient(io, url).delete<Attachment>(apiPath`/api/gridmoor/attachments/${device}`);
    if (json) printJson(io, ended);
    else io.stdout.write(`ended: ${row(ended).slice(0, 3).join(', ')}\n`);
    return EXIT.fine;
  },
});

export const run = group('attachment', 'What binds a device to its supplier, supply point and grid.', [
  list,
  history,
  move,
  end,
]);
