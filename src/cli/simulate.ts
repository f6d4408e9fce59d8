import { setMaxListeners } from 'node:events';
import type { Secret } from '../model/secret.ts';
import { defineCommand } from './command.ts';
import { authorityOf, provisionSecret } from './device-link.ts';
import { withEarlyEnd } from './early-end.ts';
import { single } from './frame.ts';
import { EXIT, type Io, UsageError } from './io.ts';
import { decimalOf, ifGiven, wholeOf } from './number-flag.ts';
import { readSecretFile, secretFromEnv } from './secret-input.ts';
import { type Phase, runFleet } from './simulate-fleet.ts';
import type { MqttVersion } from './simulate-frames.ts';
import type { FleetContext } from './simulate-meter.ts';
import { DEFAULT_PAYLOAD, parsePayload } from './simulate-payload.ts';
import { type Summary, summaryOf, Tally } from './simulate-stats.ts';
import { printFacts, printJson } from './table.ts';

const PROGRESS_MS = 250;
const MAX_METERS = 100_000;

const command = defineCommand({
  name: 'simulate',
  summary: 'Drives a fleet of meters over real MQTT: they provision, attach, publish, and come back after power cuts.',
  flags: {
    count: { type: 'string', value: '<n>', summary: 'meters in the fleet (10)' },
    rate: { type: 'string', value: '<n>', summary: 'messages per second of all meters together (10)' },
    duration: { type: 'string', value: '<s>', summary: 'seconds of sending, 0 until Ctrl-C (60)' },
    profile: { type: 'string', value: '<key>', summary: 'provision key of the device profile (smart-meter)' },
    'secret-file': { type: 'string', value: '<path>', summary: 'file with its provision secret, - for stdin' },
    name: {
      type: 'string',
      value: '<prefix>',
      summary: 'meters are <prefix>-1, <prefix>-2, …; a known fleet is driven again',
    },
    payload: { type: 'string', value: '<json>', summary: 'template of a message, see below' },
    supplier: { type: 'boolean', summary: 'attach each meter, with the supplier key from SUPPLIER_KEY' },
    'supplier-file': { type: 'string', value: '<path>', summary: 'the same, with the supplier key from a file' },
    storm: { type: 'string', value: '<s>', summary: 'drop all connections this often, and reconnect at once' },
    bad: { type: 'string', value: '<share>', summary: 'share of meters that misbehave, 0 to 0.9 (0)' },
    host: { type: 'string', short: 'h', value: '<host>', summary: 'host of the broker (127.0.0.1)' },
    port: { type: 'string', short: 'p', value: '<port>', summary: 'its MQTT port (1883, with --cafile 8883)' },
    cafile: { type: 'string', value: '<path>', summary: 'speak TLS and trust this certificate authority' },
    'mqtt-version': { type: 'string', short: 'V', value: '<version>', summary: 'mqttv311 or mqttv5 (mqttv311)' },
  },
  notes:
    'The secret comes from --secret-file, else from PROVISION_SECRET_<KEY> (PROVISION_SECRET_SMART_METER for the key\n' +
    'smart-meter), else from PROVISION_SECRET. No secret is taken from the command line.\n' +
    'A payload may hold {{n}} (number of the message), {{ts}} (time in ms), {{name}} and {{random <min> <max>}}; without\n' +
    `one it is ${DEFAULT_PAYLOAD}\n` +
    'Supply points are synthetic: distributors 9999 and 1234, which do not exist, with right control letters.\n' +
    'Bad actors use wrong tokens, cut JSON, messages of 80,000 bytes, and close in the middle of a packet.\n' +
    'Exit code 1: a meter was refused, a message was lost, or a wrong token was let in.',
  examples: [
    'PROVISION_SECRET_SMART_METER=… gridmoor simulate',
    'PROVISION_SECRET=… SUPPLIER_KEY=… gridmoor simulate --count 1000 --rate 500 --duration 30 --supplier',
    'PROVISION_SECRET=… gridmoor simulate --count 200 --storm 10 --bad 0.1 --json',
    `gridmoor simulate --secret-file secret.txt --payload '{"ts":{{ts}},"values":{"kWh":{{random 0 9.99}}}}'`,
    'gridmoor simulate --secret-file secret.txt -h thingsboard.example -p 8883 --cafile ca.pem -V mqttv5',
  ],
  async run(given, _args, io) {
    const count = wholeOf('--count', given.count ?? '10', [1, MAX_METERS]);
    const rate = decimalOf('--rate', given.rate ?? '10', [0, 1_000_000]);
    const seconds = decimalOf('--duration', given.duration ?? '60', [0, 31_536_000]);
    const storm = ifGiven(given.storm, (text) => decimalOf('--storm', text, [0.1, 86_400]));
    const share = decimalOf('--bad', given.bad ?? '0', [0, 0.9]);
    const payload = parsePayload(given.payload ?? DEFAULT_PAYLOAD);
    const bad = Math.min(count - 1, Math.ceil(count * share));
    const ca = authorityOf(io, given.cafile);
    const target = {
      host: given.host ?? '127.0.0.1',
      port: wholeOf('--port', given.port ?? (ca === undefined ? '1883' : '8883'), [1, 65_535]),
      version: versionOf(given['mqtt-version']),
      ...(ca === undefined ? {} : { ca }),
    };
    const profileKey = given.profile ?? 'smart-meter';
    const prefix = prefixOf(given.name);
    const profileSecret = await provisionSecret(io, profileKey, given['secret-file']);
    const supplierKey = await supplierKeyOf(io, given.supplier, given['supplier-file']);
    const tally = new Tally();
    const ended = new AbortController();
    // Every meter listens.
    setMaxListeners(0, ended.signal);
    const context: FleetContext = {
      target,
      identity: { prefix, profileKey, profileSecret },
      ...(supplierKey === undefined ? {} : { supplierKey }),
      payload,
      tally,
      random: Math.random,
      fleetExists: false,
      ended: ended.signal,
    };
    const plan = {
      meters: count - bad,
      bad,
      rate,
      ...(seconds === 0 ? {} : { durationMs: seconds * 1000 }),
      ...(storm === undefined ? {} : { stormMs: storm * 1000 }),
    };
    const sendingMs = await watched(io, given.json, tally, plan.meters, (watch) =>
      runFleet(context, plan, watch, () => ended.abort()),
    );
    const summary = summaryOf(tally, { meters: plan.meters, bad, sendingMs });
    if (given.json) printJson(io, { name: prefix, ...summary });
    else printSummary(io, prefix, summary);
    return isFine(summary) ? EXIT.fine : EXIT.findings;
  },
});

export const run = single(command);

function isFine({ meters, connected, refused, lost, bad }: Summary): boolean {
  return connected === meters && refused === 0 && lost === 0 && (bad?.['wrong-token'].letThrough ?? 0) === 0;
}

/** Runs with Ctrl-C as the early end and, on a terminal, one line that is written anew. */
async function watched(
  io: Io,
  json: boolean,
  tally: Tally,
  count: number,
  run: (watch: { stop: AbortSignal; onPhase(phase: Phase): void }) => Promise<number>,
): Promise<number> {
  let phase: Phase = 'joining';
  const show = io.isTty && !json;
  const start = performance.now();
  const line = (): void => {
    const seconds = Math.floor((performance.now() - start) / 1000);
    const p99 = tally.latencies.quantile(0.99);
    io.stdout.write(
      `\r\u001b[K${phase} ${seconds} s · ${tally.connected}/${count} connected · ${tally.acknowledged}/${tally.sent} ` +
        `acknowledged · ${tally.refused} refused · ${tally.reconnects} reconnects${p99 === undefined ? '' : ` · p99 ${p99} ms`}`,
    );
  };
  const timer = show ? setInterval(line, PROGRESS_MS) : undefined;
  try {
    return await withEarlyEnd((stop) =>
      run({
        stop,
        onPhase: (next) => {
          phase = next;
        },
      }),
    );
  } finally {
    clearInterval(timer);
    if (show) io.stdout.write('\r\u001b[K');
  }
}

function printSummary(io: Io, prefix: string, summary: Summary): void {
  const ms = (value: number | null): string | undefined => (value === null ? undefined : `${value} ms`);
  printFacts(io, [
    ['fleet', prefix],
    ['connected', `${summary.connected} of ${summary.meters}`],
    ['attached', summary.attached > 0 ? summary.attached : undefined],
    ['sent', summary.sent],
    ['acknowledged', `${summary.acknowledged} (${summary.perSecond}/s over ${summary.seconds} s)`],
    ['refused', summary.refused],
    ['lost', summary.lost],
    ['interrupted', summary.interrupted > 0 ? summary.interrupted : undefined],
    ['behind', summary.behind > 0 ? summary.behind : undefined],
    ['p50', ms(summary.p50Ms)],
    ['p99', ms(summary.p99Ms)],
    ['reconnects', summary.reconnects],
    ...Object.entries(summary.reasons).map(([reason, times]) => [reason, times] as const),
    ...Object.entries(summary.bad ?? {}).map(
      ([kind, { tries, stopped }]) => [`bad: ${kind}`, `${stopped} of ${tries} stopped`] as const,
    ),
  ]);
}

async function supplierKeyOf(io: Io, wanted: boolean, file: string | undefined): Promise<Secret | undefined> {
  if (file !== undefined) return readSecretFile(io, file);
  if (!wanted) return undefined;
  const key = secretFromEnv(io, ['SUPPLIER_KEY']);
  if (key) return key;
  throw new UsageError('No supplier key: set SUPPLIER_KEY, or name a file with --supplier-file.');
}

function prefixOf(name: string | undefined): string {
  if (name === undefined) return `sim-${Date.now().toString(36)}`;
  if (/^[\w.-]{1,100}$/.test(name)) return name;
  throw new UsageError(`"${name}" is not a name: letters, digits, dots, dashes and underscores, at most 100.`);
}

function versionOf(text = 'mqttv311'): MqttVersion {
  if (text === 'mqttv311' || text === '311') return 4;
  if (text === 'mqttv5' || text === '5') return 5;
  throw new UsageError(`"${text}" is not an MQTT version: mqttv311 or mqttv5.`);
}
