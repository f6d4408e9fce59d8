import { type JsonObject, type JsonValue, parseJson, stringifyJson } from '../../src/model/json.ts';
import { judgeAttachments, judgeProvisioning } from './checker-identity.ts';
import { groupBy, isAcked, isDeadLettered, type Trace } from './journal.ts';
import type { StoreView } from './store-view.ts';

export type Invariant = 'I1' | 'I2' | 'I3' | 'I4' | 'I5' | 'I6' | 'I8' | 'I9' | 'I11' | 'I13';

/** One broken promise of reliability.md 6.3. */
export interface Finding {
  readonly invariant: Invariant;
  readonly problem: string;
}

/** A secret was found where none may be. */
export interface SecretHit {
  readonly where: string;
  readonly what: string;
}

export interface ExitFact {
  readonly code: number | null;
  readonly signal: string | null;
  /** The signal that the test sent; undefined = none: the process ended by itself. */
  readonly sent: string | undefined;
}

/** Counters of one process from `/metrics`, read at rest. */
export interface MessageCounts {
  readonly received: number;
  readonly outcomes: number;
  readonly inFlight: number;
}

/** All that is left of a run. What is absent is not judged. */
export interface Evidence {
  readonly trace: Trace;
  readonly store?: StoreView;
  readonly exits?: readonly ExitFact[];
  /** Lines of standard output and standard error of all runs. */
  readonly output?: readonly string[];
  readonly secretHits?: readonly SecretHit[];
  readonly counts?: MessageCounts;
}

/** Judges the evidence of a run; nothing found = every promise was kept. */
export function check(evidence: Evidence): readonly Finding[] {
  const { trace, store, exits = [], output = [], secretHits = [], counts } = evidence;
  return [
    ...(store ? judgeTelemetry(trace, store) : []),
    ...(store ? judgeAttributes(trace, store) : []),
    ...judgeProvisioning(trace, store),
    ...(store ? judgeAttachments(trace, store) : []),
    ...judgeReceivers(trace),
    ...judgeAckOrder(trace),
    ...secretHits.map(({ where, what }): Finding => ({ invariant: 'I8', problem: `${what} stands in ${where}` })),
    ...(counts ? judgeCounts(counts) : []),
    ...judgeStops(output),
    ...judgeExits(exits, output),
  ];
}

/** For messages of failed tests: how many of each, and the first ones in words. */
export function describeFindings(findings: readonly Finding[]): string {
  if (findings.length === 0) return 'no findings';
  const counted = groupBy(findings, (finding) => finding.invariant);
  const lines = [...counted].flatMap(([invariant, found]) => [
    `${invariant}: ${found.length} findings`,
    ...found.slice(0, 5).map(({ problem }) => `  ${problem}`),
  ]);
  return lines.join('\n');
}

/** Throws with all that was found, whole: a test runner cuts the values that it compares short. */
export function expectNothingFound(findings: readonly Finding[], about = ''): void {
  if (findings.length > 0) throw new Error(`${about && `${about}: `}${describeFindings(findings)}`);
}

/** I1: every acknowledged reading is stored as it was sent; I5: and nothing else stands in the device's series. */
function judgeTelemetry(trace: Trace, store: StoreView): readonly Finding[] {
  const findings: Finding[] = [];
  const sent = new Map<string, Map<number, ReadonlyMap<string, string>>>();
  for (const publish of trace.publishes) {
    if (publish.kind !== 'telemetry') continue;
    const { ts, values } = readTelemetry(publish.payload);
    const ofDevice = sent.get(publish.device) ?? new Map<number, ReadonlyMap<string, string>>();
    sent.set(publish.device, ofDevice.set(ts, values));
    if (!isAcked(publish) || isDeadLettered(publish, store)) continue;
    const stored = store.telemetry.get(publish.device)?.get(ts);
    for (const [key, text] of values) {
      const found = stored?.get(key);
      if (found === text) continue;
      const what = found === undefined ? 'is not stored' : `is stored as ${found}`;
      findings.push({
        invariant: 'I1',
        problem: `${publish.device} seq ${publish.seq}: acknowledged ${key}=${text} ${what}`,
      });
    }
  }
  for (const [device, readings] of store.telemetry) {
    for (const [ts, values] of readings) {
      for (const [key, text] of values) {
        const found = sent.get(device)?.get(ts)?.get(key);
        if (found === text) continue;
        const invariant = key === 'owner' && text !== ownerText(trace, device) ? 'I5' : 'I1';
        findings.push({ invariant, problem: `${device} at ${ts}: ${key}=${text} is stored, but was never sent so` });
      }
    }
  }
  return findings;
}

/** I9 in the store: the last attribute a device set is not older than the last one acknowledged. I5: it is its own. */
function judgeAttributes(trace: Trace, store: StoreView): readonly Finding[] {
  const findings: Finding[] = [];
  const acked = new Map<string, number>();
  for (const publish of trace.publishes) {
    if ((publish.kind !== 'attributes' && publish.kind !== 'attach') || !isAcked(publish)) continue;
    if (isDeadLettered(publish, store)) continue;
    // A refused attachment saves no attributes: only those are owed whose message is nothing else.
    if (publish.kind === 'attach' && !store.attachments.some(({ device }) => device === publish.device)) continue;
    acked.set(publish.device, Math.max(acked.get(publish.device) ?? 0, publish.seq));
  }
  for (const [device, seq] of acked) {
    const mark = store.attributes.get(device)?.get('mark');
    if (mark === undefined) findings.push({ invariant: 'I1', problem: `${device}: acknowledged attributes are lost` });
    else if (Number(mark) < seq) {
      const problem = `${device}: attribute mark is ${mark}, though ${seq} was acknowledged: an older write came later`;
      findings.push({ invariant: 'I9', problem });
    }
  }
  for (const [device, attributes] of store.attributes) {
    const owner = attributes.get('owner');
    if (owner !== undefined && owner !== ownerText(trace, device)) {
      findings.push({ invariant: 'I5', problem: `${device}: its attribute owner is ${owner}` });
    }
  }
  return findings;
}

/** I5: whatever a session received carries no mark of another device. I6: answers come only to who asked. */
function judgeReceivers(trace: Trace): readonly Finding[] {
  const findings: Finding[] = [];
  const marks: { readonly device: string; readonly mark: string }[] = [];
  for (const { device, owner, stem } of trace.devices.values())
    marks.push({ device, mark: owner }, { device, mark: stem });
  const tokens = new Map<string, string>();
  for (const ask of trace.asks) {
    if (ask.token !== undefined) tokens.set(ask.token, ask.name);
    if (ask.answer?.status === 'SUCCESS' && ask.answer.token) tokens.set(ask.answer.token, ask.name);
  }
  for (const { from, topic, payload } of trace.received) {
    const own = trace.devices.get(from.device);
    for (const { device, mark } of marks) {
      if (device === from.device || mark === own?.stem || !payload.includes(mark)) continue;
      findings.push({ invariant: 'I5', problem: `${from.device} received ${mark} of ${device} on ${topic}` });
    }
    if (from.role === 'device' && topic === '/provision/response') {
      findings.push({ invariant: 'I6', problem: `${from.device} received a provisioning answer on its own session` });
    }
  }
  const asked = countBy(trace.asks, (ask) => ask.conn);
  const answered = countBy(
    trace.received.filter(({ from, topic }) => from.role !== 'device' && topic === '/provision/response'),
    ({ from }) => from.conn,
  );
  for (const [conn, answers] of answered) {
    const asks = asked.get(conn) ?? 0;
    if (answers > asks) {
      const problem = `connection ${conn} received ${answers} provisioning answers, having asked ${asks} times`;
      findings.push({ invariant: 'I6', problem });
    }
  }
  for (const { answer, token, name, conn } of trace.asks) {
    if (answer?.token === undefined || token === undefined || answer.token === token) continue;
    const problem = `${name} on ${conn} asked for a token of its own and was given that of ${tokens.get(answer.token)}`;
    findings.push({ invariant: 'I6', problem });
  }
  return findings;
}

/** I9 on the wire: messages of one connection end in the order in which they came [MQTT-4.6.0-2]. */
function judgeAckOrder(trace: Trace): readonly Finding[] {
  const findings: Finding[] = [];
  const messages = trace.publishes.filter(({ kind, ackedAt }) => kind !== 'request' && ackedAt !== undefined);
  for (const [conn, publishes] of groupBy(messages, (publish) => publish.conn)) {
    let last = publishes[0];
    for (const publish of publishes) {
      if (last && (publish.ackedAt ?? 0) < (last.ackedAt ?? 0)) {
        const problem = `${publish.device} on ${conn}: seq ${publish.seq} was finished before ${last.seq}`;
        findings.push({ invariant: 'I9', problem });
      }
      last = publish;
    }
  }
  return findings;
}

function judgeCounts({ received, outcomes, inFlight }: MessageCounts): readonly Finding[] {
  const findings: Finding[] = [];
  if (received !== outcomes + inFlight) {
    const problem = `received ${received}, but ${outcomes} outcomes and ${inFlight} in flight`;
    findings.push({ invariant: 'I11', problem });
  }
  if (inFlight !== 0) findings.push({ invariant: 'I11', problem: `${inFlight} messages are in flight at rest` });
  return findings;
}

/** I11 at a stop: what was accepted before it gets its outcome from the store, not a closed door. */
function judgeStops(output: readonly string[]): readonly Finding[] {
  const findings: Finding[] = [];
  let stopping = false;
  for (const line of output) {
    const event = /"event":"([^"]+)"/.exec(line)?.[1];
    if (event === 'stopping') stopping = true;
    else if (event === 'ready') stopping = false;
    else if (stopping && event === 'msg.not-stored') {
      findings.push({ invariant: 'I11', problem: `accepted before the stop, but lost in it: ${line.slice(0, 200)}` });
    }
  }
  return findings;
}

function judgeExits(exits: readonly ExitFact[], output: readonly string[]): readonly Finding[] {
  const findings: Finding[] = [];
  for (const { code, signal, sent } of exits) {
    const fine = sent === 'SIGKILL' ? signal === 'SIGKILL' : sent !== undefined && code === 0;
    if (fine) continue;
    const problem = `the process ended with code ${code}, signal ${signal}, after ${sent ?? 'no signal'} of ours`;
    findings.push({ invariant: 'I13', problem });
  }
  for (const line of output) {
    if (/uncaughtException|unhandledRejection|UnhandledPromiseRejection/.test(line)) {
      findings.push({ invariant: 'I13', problem: line.slice(0, 300) });
    }
  }
  return findings;
}

function readTelemetry(payload: string): { readonly ts: number; readonly values: ReadonlyMap<string, string> } {
  const parsed = parseJson(payload, { maxDepth: 20 });
  if (!parsed.ok) throw new Error(`the journal holds telemetry that is no JSON: ${payload}`);
  const { ts, values } = parsed.value as { ts: JsonValue; values: JsonObject };
  return { ts: Number(ts), values: new Map(Object.entries(values).map(([key, value]) => [key, stringifyJson(value)])) };
}

function ownerText(trace: Trace, device: string): string | undefined {
  const owner = trace.devices.get(device)?.owner;
  return owner === undefined ? undefined : JSON.stringify(owner);
}

function countBy<T>(items: readonly T[], keyOf: (item: T) => string): ReadonlyMap<string, number> {
  return new Map([...groupBy(items, keyOf)].map(([key, group]) => [key, group.length]));
}
