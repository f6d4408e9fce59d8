import { apiPath, type Client, createClient, type Page, urlFlag } from './client.ts';
import { defineCommand, type Flag } from './command.ts';
import { group } from './frame.ts';
import { EXIT, type Io, UsageError } from './io.ts';
import { pagingFlags, pagingOf, printPage } from './paging.ts';
import { formatTime, printFacts, printJson } from './table.ts';

const LETTERS = '/api/gridmoor/dead-letters';
/** Letters of one request: it must be answered within the client's time. */
const PER_REQUEST = 100;

interface Letter {
  readonly id: string;
  readonly at: number;
  readonly originator: { readonly entityType: string; readonly id: string; readonly name: string };
  readonly chain: string;
  readonly node: string;
  readonly reason: string;
  readonly msgType: string;
  readonly retries: number;
}

interface WholeLetter extends Letter {
  readonly metadata: Readonly<Record<string, string>>;
  readonly data: unknown;
}

interface Retried {
  readonly until: number;
  readonly tried: number;
  readonly processed: number;
  readonly deadLettered: number;
  readonly left: number;
}

const filterFlags = {
  chain: { type: 'string', value: '<name>', summary: 'only of this chain' },
  node: { type: 'string', value: '<name>', summary: 'only of the node of this name' },
  device: { type: 'string', value: '<name or id>', summary: 'only of this device' },
  reason: { type: 'string', value: '<text>', summary: 'only with this text in the reason' },
} as const satisfies Readonly<Record<string, Flag>>;

const list = defineCommand({
  name: 'deadletter list',
  summary: 'Lists the messages that chains could not finish, the newest first.',
  flags: { ...filterFlags, ...pagingFlags, ...urlFlag },
  examples: ['gridmoor deadletter list', 'gridmoor deadletter list --chain onboarding --node attach --reason TIMEOUT'],
  async run({ url, json, chain, node, device, reason, ...given }, _args, io) {
    const query = { chain, node, device, reason, ...pagingOf(given) };
    const page = await createClient(io, url).get<Page<Letter>>(LETTERS, query);
    printPage(io, page, { json, given }, ['id', 'at', 'device', 'node', 'retries', 'reason'], (one) => [
      one.id,
      formatTime(one.at),
      one.originator.name,
      `${one.chain}/${one.node}`,
      one.retries,
      one.reason,
    ]);
    return EXIT.fine;
  },
});

const show = defineCommand({
  name: 'deadletter show',
  summary: 'Shows one dead letter with the data of its message; secrets are redacted.',
  args: '<id>',
  flags: urlFlag,
  examples: ['gridmoor deadletter show "broker-1-mb2k-7~attach"'],
  async run({ url, json }, [id = ''], io) {
    const letter = await createClient(io, url).get<WholeLetter>(apiPath`/api/gridmoor/dead-letters/${id}`);
    if (json) printJson(io, letter);
    else {
      const { originator, metadata, data, at, ...rest } = letter;
      printFacts(io, [
        ['id', rest.id],
        ['at', formatTime(at)],
        ['originator', `${originator.entityType} ${originator.name} (${originator.id})`],
        ['chain', rest.chain],
        ['node', rest.node],
        ['reason', rest.reason],
        ['type', rest.msgType],
        ['retries', rest.retries],
        ...Object.entries(metadata).map(([key, value]) => [`metadata ${key}`, value] as const),
      ]);
      printJson(io, data);
    }
    return EXIT.fine;
  },
});

const retry = defineCommand({
  name: 'deadletter retry',
  summary: 'Runs a dead letter again, from its node on, in the chains in force; or all of a filter.',
  args: '[id]',
  flags: {
    all: { type: 'boolean', summary: 'every letter, or every one of the filter' },
    'from-start': { type: 'boolean', summary: 'from the start of the chains: for a node that is gone' },
    ...filterFlags,
    ...urlFlag,
  },
  notes:
    'A letter goes with its outcome. A message that fails again is a letter with one try more; then the exit code is 1.\n' +
    'With --from-start it enters the chains anew, with what the nodes before its failure made of it.',
  examples: ['gridmoor deadletter retry "broker-1-mb2k-7~attach"', 'gridmoor deadletter retry --all --node attach'],
  async run({ url, json, all, 'from-start': fromStart, ...filter }, [id], io) {
    const hasFilter = Object.values(pick(filter)).length > 0;
    if ((id !== undefined) === (all || hasFilter))
      throw new UsageError('Name one dead letter, or say --all or a filter.');
    const client = createClient(io, url);
    if (id === undefined) return retryAll(client, fromStart ? { ...pick(filter), fromStart } : pick(filter), json, io);
    const answer = await client.post<{ outcome: string }>(
      `${apiPath`/api/gridmoor/dead-letters/${id}/retry`}${fromStart ? '?fromStart=true' : ''}`,
    );
    if (json) printJson(io, answer);
    else io.stdout.write(`${answer.outcome}\n`);
    return answer.outcome === 'dead-lettered' ? EXIT.findings : EXIT.fine;
  },
});

const remove = defineCommand({
  name: 'deadletter delete',
  summary: 'Forgets a dead letter: its message is gone then.',
  args: '<id>',
  flags: urlFlag,
  examples: ['gridmoor deadletter delete "broker-1-mb2k-7~attach"'],
  async run({ url, json }, [id = ''], io) {
    await createClient(io, url).delete(apiPath`/api/gridmoor/dead-letters/${id}`);
    if (json) printJson(io, { deleted: id });
    else io.stdout.write('deleted\n');
    return EXIT.fine;
  },
});

const pick = ({ chain, node, device, reason }: Readonly<Record<string, string | boolean | undefined>>) =>
  Object.fromEntries(Object.entries({ chain, node, device, reason }).filter(([, value]) => value !== undefined));

async function retryAll(client: Client, filter: object, json: boolean, io: Io): Promise<number> {
  let sum: Retried | undefined;
  for (;;) {
    // Letters of messages that fail again are younger than `until`: they are not tried twice.
    const until = sum === undefined ? {} : { until: sum.until };
    const part: Retried = await client.post<Retried>(`${LETTERS}/retry`, { ...filter, ...until, limit: PER_REQUEST });
    sum = {
      ...part,
      tried: part.tried + (sum?.tried ?? 0),
      processed: part.processed + (sum?.processed ?? 0),
      deadLettered: part.deadLettered + (sum?.deadLettered ?? 0),
    };
    if (part.left === 0 || part.tried === 0) break;
    if (io.isTty) io.stderr.write(`\r${sum.tried} tried, ${part.left} to go `);
  }
  if (io.isTty && sum.tried > PER_REQUEST) io.stderr.write('\n');
  if (json) printJson(io, sum);
  else {
    const { tried, processed, deadLettered, left } = sum;
    io.stdout.write(`${tried} tried: ${processed} processed, ${deadLettered} dead-lettered again, ${left} left\n`);
  }
  return sum.deadLettered > 0 || sum.left > 0 ? EXIT.findings : EXIT.fine;
}

export const run = group('deadletter', 'Messages that a chain could not finish.', [list, show, retry, remove]);
