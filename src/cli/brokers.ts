import { setTimeout as pause } from 'node:timers/promises';
import { apiPath, type Client, createClient, urlFlag } from './client.ts';
import { defineCommand } from './command.ts';
import { group } from './frame.ts';
import { EXIT, type Io, UsageError } from './io.ts';
import { wholeOf } from './number-flag.ts';
import { formatTime, printJson, printTable } from './table.ts';

const BROKERS = '/api/gridmoor/brokers';
const POLL_MS = 500;
const DEFAULT_WAIT_S = 60;

interface Broker {
  readonly id: string;
  readonly run: string;
  readonly version: string;
  readonly startedAt: number;
  readonly addresses: Readonly<Record<string, string>>;
  readonly sessions: number;
  readonly state: string;
}

const list = defineCommand({
  name: 'brokers list',
  summary: 'Lists the brokers that share the store, with their sessions.',
  flags: urlFlag,
  examples: ['gridmoor brokers list'],
  async run({ url, json }, _args, io) {
    const page = await createClient(io, url).get<{ readonly data: readonly Broker[] }>(BROKERS);
    if (json) printJson(io, page);
    else {
      const rows = page.data.map((broker) => [
        broker.id,
        broker.state,
        broker.sessions,
        broker.version,
        formatTime(broker.startedAt),
        broker.addresses.mqtt ?? '-',
      ]);
      printTable(io, ['id', 'state', 'sessions', 'version', 'started', 'mqtt'], rows);
    }
    return EXIT.fine;
  },
});

const drain = defineCommand({
  name: 'brokers drain',
  summary: 'Sends the devices of a broker to the others; it runs on, without devices, until it is stopped.',
  args: '<id>',
  flags: {
    wait: { type: 'boolean', summary: 'until it takes no device and has no session any more' },
    seconds: { type: 'string', value: '<n>', summary: `how long --wait waits (${DEFAULT_WAIT_S})` },
    ...urlFlag,
  },
  notes:
    'It says at once at /readyz that it takes no traffic, lets load balancers notice, stops accepting, and tells its clients to\n' +
    'move, some each second. Nothing takes it back: stop it, and start it again.',
  examples: ['gridmoor brokers drain broker-1 --wait'],
  async run({ url, json, wait, seconds }, [id = ''], io) {
    const waitS = secondsOf(wait, seconds);
    const client = createClient(io, url);
    const told = await client.post<Broker>(apiPath`/api/gridmoor/brokers/${id}/drain`);
    const left = wait ? await untilEmpty(client, told.run, waitS, io) : undefined;
    if (json) printJson(io, { ...told, ...(left === undefined ? {} : { sessions: left }) });
    else io.stdout.write(`${told.id} drains${left === undefined ? '' : `: ${left} sessions left`}\n`);
    return left === undefined || left === 0 ? EXIT.fine : EXIT.findings;
  },
});

function secondsOf(wait: boolean, seconds: string | undefined): number {
  if (seconds === undefined) return DEFAULT_WAIT_S;
  if (!wait) throw new UsageError('--seconds is for --wait.');
  return wholeOf('--seconds', seconds, [0, 99_999]);
}

/** Sessions that are left: none, or those at the deadline. */
async function untilEmpty(client: Client, run: string, waitS: number, io: Io): Promise<number> {
  const until = performance.now() + waitS * 1_000;
  for (;;) {
    const { data } = await client.get<{ readonly data: readonly Broker[] }>(BROKERS);
    const broker = data.find((one) => one.run === run);
    // Stopped meanwhile: then it has none. One that is still open may get some, sent by a balancer that has not noticed yet.
    const left = broker?.sessions ?? 0;
    const isOpen = broker?.addresses.mqtt !== undefined;
    if (io.isTty) io.stderr.write(`\r${left} sessions left `);
    if ((left === 0 && !isOpen) || performance.now() >= until) {
      if (io.isTty) io.stderr.write('\n');
      return left;
    }
    await pause(POLL_MS);
  }
}

export const run = group('brokers', 'The brokers that share one store.', [list, drain]);
