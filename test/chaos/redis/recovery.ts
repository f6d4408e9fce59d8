import { groupBy, type JournalLine } from '../../helpers/journal.ts';

/** How long a fault was felt: over the devices that waited for an acknowledgement, ms until they got one. */
export interface Recovery {
  readonly devices: number;
  readonly p50: number;
  readonly max: number;
}

interface Waiting {
  readonly sentAt: number;
  readonly ackedAt: number;
}

/**
 * For each moment: the devices that had sent something that was not acknowledged by then, or sent it within a quarter of a
 * second, and how long after the moment the first acknowledgement of such a message came.
 */
export function recoveries(lines: readonly JournalLine[], moments: readonly number[]): readonly Recovery[] {
  const byDevice = groupBy(acknowledged(lines), ([device]) => device);
  return moments.map((moment) => {
    const waits: number[] = [];
    for (const messages of byDevice.values()) {
      const waited = messages.filter(([, { sentAt, ackedAt }]) => sentAt < moment + 250 && ackedAt > moment);
      if (waited.length > 0) waits.push(Math.min(...waited.map(([, { ackedAt }]) => ackedAt)) - moment);
    }
    waits.sort((a, b) => a - b);
    return { devices: waits.length, p50: waits[Math.floor(waits.length / 2)] ?? 0, max: waits.at(-1) ?? 0 };
  });
}

/** First sending and first acknowledgement of each message that got one. */
function acknowledged(lines: readonly JournalLine[]): readonly (readonly [device: string, Waiting])[] {
  const devices = new Map<string, string>();
  const sent = new Map<string, number>();
  const open = new Map<string, string>();
  const found = new Map<string, Waiting>();
  for (const line of lines) {
    if (line.e === 'open') devices.set(line.conn, line.device);
    else if (line.e === 'publish' && line.kind !== 'request') {
      const message = `${devices.get(line.conn)} ${line.seq}`;
      if (!sent.has(message)) sent.set(message, line.t);
      open.set(`${line.conn}/${line.mid}`, message);
    } else if (line.e === 'ack' && line.code < 0x80) {
      const message = open.get(`${line.conn}/${line.mid}`);
      const sentAt = message === undefined ? undefined : sent.get(message);
      if (message !== undefined && sentAt !== undefined && !found.has(message)) {
        found.set(message, { sentAt, ackedAt: line.t });
      }
    }
  }
  return [...found].map(([message, waiting]) => [message.slice(0, message.lastIndexOf(' ')), waiting] as const);
}

/**
 * When messages that write something, sent after `since`, were acknowledged; ms since 1970. One that was stored just before a
 * fault may be acknowledged in it: acknowledgements keep their order over all devices.
 */
export function durableAcks(lines: readonly JournalLine[], since: number): readonly number[] {
  const sent = new Set<string>();
  const acks: number[] = [];
  for (const line of lines) {
    if (line.e === 'publish' && line.kind !== 'request' && line.t > since) sent.add(`${line.conn}/${line.mid}`);
    else if (line.e === 'ack' && line.code < 0x80 && sent.has(`${line.conn}/${line.mid}`)) acks.push(line.t);
  }
  return acks;
}

/** For a line of figures: of many recoveries, the median and the worst. */
export function describeRecoveries(all: readonly Recovery[]): string {
  const worst = all.map(({ max }) => max).sort((a, b) => a - b);
  const at = (part: number): number =>
    Math.round(worst[Math.min(worst.length - 1, Math.floor(worst.length * part))] ?? 0);
  return `last device acknowledged again after ${at(0.5)} ms (median), ${at(1)} ms (worst)`;
}

/** The median over all recoveries of what the last device waited, ms. */
export function medianWorst(all: readonly Recovery[]): number {
  const worst = all.map(({ max }) => max).sort((a, b) => a - b);
  return worst[Math.floor(worst.length / 2)] ?? 0;
}
