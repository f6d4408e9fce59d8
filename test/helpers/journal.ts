import { readFileSync } from 'node:fs';

const NEWLINE = 10;

/** Whose connection it is: one device's, a provisioning one, or a provisioning one that asks for nothing and listens. */
export type Role = 'device' | 'provision' | 'listen';
export type PublishKind = 'telemetry' | 'attach' | 'attributes' | 'request';

type Fact =
  /** A device of the plan begins its life. `stem`: its supply point, 20 characters. */
  | { readonly e: 'device'; readonly device: string; readonly owner: string; readonly stem: string }
  | { readonly e: 'open'; readonly conn: string; readonly role: Role; readonly device: string; readonly version: 4 | 5 }
  | { readonly e: 'connack'; readonly conn: string; readonly code: number }
  | { readonly e: 'provision'; readonly conn: string; readonly name: string; readonly token?: string }
  | {
      readonly e: 'publish';
      readonly conn: string;
      readonly mid: number;
      readonly kind: PublishKind;
      readonly topic: string;
      readonly payload: string;
      /** Rises with each message of the device; a resend keeps it. */
      readonly seq: number;
    }
  | { readonly e: 'ack'; readonly conn: string; readonly mid: number; readonly code: number }
  | { readonly e: 'received'; readonly conn: string; readonly topic: string; readonly payload: string }
  | { readonly e: 'closed'; readonly conn: string; readonly code?: number }
  | { readonly e: 'kill'; readonly moment: string }
  | { readonly e: 'gave-up'; readonly device: string; readonly why: string };

/** What a device process wrote down: what it is about to send, before sending, and what it got. `t` in ms since 1970. */
export type JournalLine = Fact & { readonly t: number };

/** All whole lines of a journal; the last one may be torn. */
export function readJournal(path: string): readonly JournalLine[] {
  return parseJournal(readFileSync(path));
}

/** Line by line: a journal of half an hour is longer than a string may be. */
export function parseJournal(bytes: Buffer): readonly JournalLine[] {
  const lines: JournalLine[] = [];
  for (let from = 0; ; ) {
    const end = bytes.indexOf(NEWLINE, from);
    if (end < 0) return lines;
    lines.push(JSON.parse(bytes.toString('utf8', from, end)) as JournalLine);
    from = end + 1;
  }
}

export interface Connection {
  readonly conn: string;
  readonly role: Role;
  readonly device: string;
  readonly version: 4 | 5;
}

export interface ProvisionAsk {
  readonly conn: string;
  readonly name: string;
  readonly token: string | undefined;
  readonly sentAt: number;
  answer?: { readonly status: string; readonly token: string | undefined; readonly at: number };
}

export interface Publish {
  readonly conn: string;
  readonly device: string;
  readonly kind: PublishKind;
  readonly payload: string;
  readonly seq: number;
  /** Position in its connection, from 0. */
  readonly sentAt: number;
  /** Position of its ack among the acks of its connection. */
  ackedAt?: number;
  code?: number;
}

export interface Received {
  readonly from: Connection;
  readonly topic: string;
  readonly payload: string;
}

export interface TraceDevice {
  readonly device: string;
  readonly owner: string;
  readonly stem: string;
}

/** A journal, joined: requests with their answers, publishes with their acks. */
export interface Trace {
  readonly devices: ReadonlyMap<string, TraceDevice>;
  readonly connections: ReadonlyMap<string, Connection>;
  readonly asks: readonly ProvisionAsk[];
  readonly publishes: readonly Publish[];
  readonly received: readonly Received[];
  readonly gaveUp: readonly { readonly device: string; readonly why: string }[];
  /** Connections that the broker ended after it had accepted them, with the v5 DISCONNECT code; `undefined`: none came. */
  readonly closings: readonly { readonly from: Connection; readonly code: number | undefined }[];
}

export function isAcked(publish: Publish): boolean {
  return publish.ackedAt !== undefined && (publish.code ?? 0) < 0x80;
}

/** It is not lost: it waits, whole, for somebody to try it again. */
export function isDeadLettered(
  { device, seq }: Publish,
  { deadLettered }: { readonly deadLettered?: ReadonlySet<string> },
): boolean {
  return deadLettered?.has(`${device} ${seq}`) === true;
}

export function traceOf(lines: readonly JournalLine[]): Trace {
  const devices = new Map<string, TraceDevice>();
  const connections = new Map<string, Connection>();
  const asks: ProvisionAsk[] = [];
  const openAsks = new Map<string, ProvisionAsk>();
  const publishes: Publish[] = [];
  const open = new Map<string, Publish>();
  const sent = new Map<string, number>();
  const acked = new Map<string, number>();
  const accepted = new Set<string>();
  const received: Received[] = [];
  const gaveUp: { device: string; why: string }[] = [];
  const closings: { from: Connection; code: number | undefined }[] = [];
  const next = (counts: Map<string, number>, conn: string): number => {
    const at = counts.get(conn) ?? 0;
    counts.set(conn, at + 1);
    return at;
  };
  const connection = (conn: string): Connection => {
    const known = connections.get(conn);
    if (!known) throw new Error(`the journal names connection ${conn} before it was opened`);
    return known;
  };
  for (const line of lines) {
    switch (line.e) {
      case 'device':
        devices.set(line.device, line);
        break;
      case 'open':
        connections.set(line.conn, line);
        break;
      case 'provision': {
        const ask = { conn: line.conn, name: line.name, token: line.token, sentAt: line.t };
        asks.push(ask);
        openAsks.set(line.conn, ask);
        break;
      }
      case 'publish': {
        const { conn, kind, payload, seq } = line;
        const publish = { conn, device: connection(conn).device, kind, payload, seq, sentAt: next(sent, conn) };
        publishes.push(publish);
        open.set(`${conn}/${line.mid}`, publish);
        break;
      }
      case 'ack': {
        const publish = open.get(`${line.conn}/${line.mid}`);
        if (!publish || publish.ackedAt !== undefined) break;
        publish.ackedAt = next(acked, line.conn);
        publish.code = line.code;
        break;
      }
      case 'received': {
        received.push({ from: connection(line.conn), topic: line.topic, payload: line.payload });
        const ask = openAsks.get(line.conn);
        if (ask && line.topic === '/provision/response') {
          ask.answer = { ...readAnswer(line.payload), at: line.t };
          openAsks.delete(line.conn);
        }
        break;
      }
      case 'connack':
        if (line.code === 0) accepted.add(line.conn);
        break;
      case 'closed':
        if (accepted.has(line.conn)) closings.push({ from: connection(line.conn), code: line.code });
        break;
      case 'gave-up':
        gaveUp.push(line);
        break;
      case 'kill':
        break;
    }
  }
  return { devices, connections, asks, publishes, received, gaveUp, closings };
}

export function readAnswer(payload: string): { readonly status: string; readonly token: string | undefined } {
  try {
    const body = JSON.parse(payload) as { status?: unknown; credentialsValue?: unknown };
    return {
      status: String(body.status),
      token: typeof body.credentialsValue === 'string' ? body.credentialsValue : undefined,
    };
  } catch {
    return { status: 'not JSON', token: undefined };
  }
}

/** Items by a key, in their order. */
export function groupBy<T, K>(items: Iterable<T>, keyOf: (item: T) => K): ReadonlyMap<K, readonly T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}
