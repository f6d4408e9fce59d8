import { createClient, urlFlag } from './client.ts';
import { defineCommand } from './command.ts';
import { group } from './frame.ts';
import { EXIT } from './io.ts';
import { formatTime, printFacts, printJson, printTable } from './table.ts';

type Counts = Readonly<Record<string, number>>;

interface Messages {
  readonly active: number;
  readonly sum: Counts;
  readonly buckets: readonly { readonly at: number; readonly active: number; readonly counts: Counts }[];
}

const devices = defineCommand({
  name: 'statistics devices',
  summary: 'Counts the devices: online, offline, inactive (never heard of), disabled, retired.',
  flags: {
    profile: { type: 'string', value: '<names>', summary: 'only of these profiles, commas between' },
    ...urlFlag,
  },
  examples: ['gridmoor statistics devices', 'gridmoor statistics devices --profile smart-meter,inverter --json'],
  async run({ url, json, profile }, _args, io) {
    const counts = await createClient(io, url).get<Counts>('/api/gridmoor/statistics/devices', { profile });
    if (json) printJson(io, counts);
    else printFacts(io, Object.entries(counts));
    return EXIT.fine;
  },
});

const messages = defineCommand({
  name: 'statistics messages',
  summary: 'Counts messages and connections of all brokers, over restarts, in buckets of time.',
  flags: {
    window: { type: 'string', value: '<time>', summary: 'how far back: 1h, 1d, 7d or 30d (1h)' },
    granularity: { type: 'string', value: '<minutes>', summary: 'of one bucket: 1, 5, 15 or 30 (1)' },
    metric: {
      type: 'string',
      value: '<names>',
      summary: 'only these, commas between: up, down, connections, or one such as up.refused',
    },
    ...urlFlag,
  },
  notes:
    'up: messages from devices; failed: those of them that no chain finished; down: messages to devices; active: most\n' +
    'connections that were open at once. The last row is the sum. Buckets in which nothing was counted are left out.',
  examples: [
    'gridmoor statistics messages --window 1d --granularity 30',
    'gridmoor statistics messages --metric up.dead-lettered,up.refused --json',
  ],
  async run({ url, json, window, granularity, metric }, _args, io) {
    const query = { window, granularity, metric };
    const found = await createClient(io, url).get<Messages>('/api/gridmoor/statistics/messages', query);
    if (json) {
      printJson(io, found);
      return EXIT.fine;
    }
    const names = Object.keys(found.sum);
    const rowOf = (when: string, active: number, counts: Counts) => [
      when,
      active,
      ...names.map((name) => counts[name]),
    ];
    const rows = found.buckets.map(({ at, active, counts }) => rowOf(formatTime(at), active, counts));
    printTable(io, ['from', 'active', ...names], [...rows, rowOf('sum', found.active, found.sum)]);
    return EXIT.fine;
  },
});

export const run = group('statistics', 'How many devices there are, and what they send.', [devices, messages]);
