/**
 * What is counted, each since the start of a process: messages from devices by how they ended, messages to devices, and
 * connections. A name is its direction and its result.
 */
export const COUNTED = [
  'up.processed',
  'up.dead-lettered',
  'up.rate-limited',
  'up.refused',
  'down.sent',
  'down.dropped',
  'connections.accepted',
  'connections.refused',
] as const;
export type Counted = (typeof COUNTED)[number];
export type Totals = Readonly<Record<Counted, number>>;

/** What came in a span of time; names without anything are left out. */
export type Counts = Readonly<Partial<Record<Counted, number>>>;

export function since(former: Totals, now: Totals): Counts {
  const counts: Partial<Record<Counted, number>> = {};
  for (const name of COUNTED) if (now[name] > former[name]) counts[name] = now[name] - former[name];
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
