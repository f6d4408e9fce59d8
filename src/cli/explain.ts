import { apiPath, createClient, type Page, urlFlag } from './client.ts';
import { defineCommand } from './command.ts';
import { findDevice, lookForDevice } from './device-lookup.ts';
import { single } from './frame.ts';
import { CommandFailure, EXIT, UsageError } from './io.ts';
import { ifGiven, wholeOf } from './number-flag.ts';
import { formatTime, printFacts, printJson, printTable } from './table.ts';

interface Line {
  readonly id: string;
  readonly at: number;
  readonly originator: { readonly name: string };
  readonly type: string;
  readonly outcome: string;
  readonly why: string;
}

interface Step {
  readonly chain: string;
  readonly node: string;
  readonly kind?: string;
  readonly labels?: readonly string[];
  readonly ms?: number;
  readonly error?: string;
}

interface Explanation extends Line {
  readonly generation: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly data: unknown;
  readonly steps?: readonly Step[];
  readonly path?: readonly Step[];
  readonly letters: readonly { readonly chain: string; readonly node: string; readonly reason: string }[];
}

const explain = defineCommand({
  name: 'explain',
  summary: 'Tells where a message went on a running instance, and why; or lists the messages of a device.',
  args: '[message or device]',
  flags: {
    trace: {
      type: 'string',
      value: '<seconds>',
      summary: 'from now on trace every message of the device, for so long (at most 3600)',
    },
    ...urlFlag,
  },
  notes:
    'All failed messages are kept for a while, one in so many of the others, and every one of a device that is traced.\n' +
    'To try a message offline: gridmoor chain explain.',
  examples: ['gridmoor explain meter-1', 'gridmoor explain meter-1 --trace 60', 'gridmoor explain node1-mb2k3j-7'],
  async run({ url, json, trace }, [what], io) {
    const seconds = ifGiven(trace, (text) => wholeOf('--trace', text, [1, 3_600]));
    if (seconds !== undefined && what === undefined) throw new UsageError('--trace is for one device: name it.');
    const client = createClient(io, url);
    if (seconds !== undefined && what !== undefined) {
      const { id } = (await findDevice(client, what)).id;
      await client.post(apiPath`/api/gridmoor/devices/${id}/trace`, { seconds });
      if (json) printJson(io, { device: id, seconds });
      else io.stdout.write(`Every message of ${what} is traced for ${seconds} s. See: gridmoor explain ${what}\n`);
      return EXIT.fine;
    }
    const found =
      what === undefined ? undefined : await client.find<Explanation>(apiPath`/api/gridmoor/messages/${what}/explain`);
    if (found) {
      if (json) printJson(io, found);
      else printExplanation(io, found);
      return EXIT.fine;
    }
    const page = await client.get<Page<Line>>('/api/gridmoor/messages', { device: what });
    if (what !== undefined && page.data.length === 0 && !(await lookForDevice(client, what))) {
      const problem = `Nothing is known of ${what}: it is no device, and no message that is kept.`;
      throw new CommandFailure(EXIT.findings, `${problem}\nKnown devices: gridmoor device list`);
    }
    if (json) printJson(io, page);
    else {
      const rows = page.data.map((one) => [
        one.id,
        formatTime(one.at),
        one.originator.name,
        one.type,
        one.outcome,
        one.why,
      ]);
      printTable(io, ['message', 'at', 'device', 'type', 'outcome', 'why kept'], rows);
      if (rows.length === 0)
        io.stderr.write(`Nothing is known of ${what ?? 'any message'}: see gridmoor explain --help\n`);
    }
    return EXIT.fine;
  },
});

function printExplanation(io: Parameters<typeof printTable>[0], found: Explanation): void {
  printFacts(io, [
    ['message', found.id],
    ['at', formatTime(found.at)],
    ['device', found.originator.name],
    ['type', found.type],
    ['outcome', found.outcome],
    ['generation', found.generation],
    ['metadata', JSON.stringify(found.metadata)],
    ['data', JSON.stringify(found.data)],
  ]);
  const rows = (found.steps ?? found.path ?? []).map((step) => [
    `${step.chain}/${step.node}`,
    step.labels?.join(', '),
    step.ms === undefined ? undefined : `${step.ms.toFixed(3)} ms`,
    step.error,
  ]);
  io.stdout.write('\n');
  printTable(io, ['node', 'left by', 'time', 'error'], rows);
  for (const { chain, node, reason } of found.letters) printFacts(io, [['given up at', `${chain}/${node}: ${reason}`]]);
}

export const run = single(explain);
