/** How messages from devices end, and what they hold, as the message path counts them. */
const OUTCOMES = ['processed', 'dead-lettered', 'rate-limited', 'refused'] as const;
const KINDS = ['telemetry', 'attributes', 'events', 'calls', 'other'] as const;

/**
 * What is counted, each since the start of a process: messages from devices by how they ended, the same by what they held,
 * messages to devices, and connections. A name is its direction, or what it is about, and its result.
 */
export const COUNTED = [
  ...OUTCOMES.map((outcome) => `up.${outcome}` as const),
  'down.sent',
  'down.dropped',
  'connections.accepted',
  'connections.refused',
  'sub-devices.accepted',
  ...KINDS.flatMap((kind) => OUTCOMES.map((outcome) => `${kind}.${outcome}` as const)),
] as const;
export type Counted = (typeof COUNTED)[number];
export type Totals = Readonly<Record<Counted, number>>;

/** What came in a span of time; names without anything are left out. */
export type Counts = Readonly<Partial<Record<Counted, number>>>;

export function since(former: Totals | undefined, now: Totals): Counts {
  const counts: Partial<Record<Counted, number>> = {};
  for (const name of COUNTED) {
    const before = former?.[name] ?? 0;
    if (now[name] > before) counts[name] = now[name] - before;
  }
  return counts;
}

export function plus(a: Counts, b: Counts): Counts {
  const sum: Partial<Record<Counted, number>> = { ...a };
  for (const name of COUNTED) {
    const more = b[name];
    if (more !== undefined) sum[name] = (sum[name] ?? 0) + more;
  }
  return sum;
}
