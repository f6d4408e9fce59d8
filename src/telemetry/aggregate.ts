import { BrokerError } from '../errors.ts';
import { add, compare, type Decimal, decimalOf, numberOf, quotient, ZERO } from '../model/decimal.ts';
import type { JsonValue } from '../model/json.ts';
import type { TimedValue } from '../model/telemetry.ts';
import type { TelemetryStore } from '../storage/telemetry-store.ts';

export const AGGREGATIONS = ['MIN', 'MAX', 'AVG', 'SUM', 'COUNT'] as const;
export type Aggregation = (typeof AGGREGATIONS)[number];

export interface AggregateQuery {
  readonly entityId: string;
  readonly keys: readonly string[];
  /** Inclusive, ms. */
  readonly startTs: number;
  /** Exclusive, ms. */
  readonly endTs: number;
  /** Length of the intervals that begin at `startTs`, ms; the last one may be shorter. */
  readonly intervalMs: number;
  readonly aggregation: Aggregation;
  /** Intervals with values, of all keys together; more are refused with BAD_REQUEST. */
  readonly maxPoints: number;
}

/** Points of a key that are read at a time. */
const PAGE = 1_000;

interface Sum {
  count: number;
  numbers: number;
  /** Of whole numbers, as long as a double holds it exactly. */
  whole: number;
  /** Of all others. */
  sum: Decimal;
  /** The least or greatest number so far, as it was sent. */
  extreme: JsonValue | undefined;
  text: string | undefined;
}

/**
 * One point for each interval that has values, oldest first, timed at its middle, as ThingsBoard does. SUM, MIN, MAX and COUNT
 * are exact, whatever the number of digits; AVG is the exact average rounded to the nearest double. Texts count for COUNT, and
 * for MIN and MAX where there is no number; booleans and objects for COUNT only.
 */
export async function aggregate(
  store: Pick<TelemetryStore, 'range'>,
  query: AggregateQuery,
): Promise<ReadonlyMap<string, readonly TimedValue[]>> {
  const { entityId, keys, startTs, endTs, intervalMs, aggregation } = query;
  const sums = new Map<string, Map<number, Sum>>(keys.map((key) => [key, new Map()]));
  let intervals = 0;
  for (let from = startTs; from < endTs; ) {
    const page = await store.range({ entityId, keys, startTs: from, endTs, limit: PAGE, order: 'ASC' });
    // Up to here every key has been read; what is behind it is read again with the next page.
    let upTo = endTs - 1;
    for (const list of page.values()) if (list.length >= PAGE) upTo = Math.min(upTo, list.at(-1)?.ts ?? upTo);
    for (const [key, list] of page) {
      const ofKey = sums.get(key) ?? new Map<number, Sum>();
      for (const { ts, value } of list) {
        if (ts > upTo) break;
        const at = Math.floor((ts - startTs) / intervalMs);
        let sum = ofKey.get(at);
        if (sum === undefined) {
          if (++intervals > query.maxPoints) throw tooMany(query.maxPoints);
          sum = emptySum();
          ofKey.set(at, sum);
        }
        take(sum, value, aggregation);
      }
    }
    from = upTo + 1;
    // Years of samples must not hold up the devices.
    await new Promise((resolve) => setImmediate(resolve));
  }
  const points = new Map<string, TimedValue[]>();
  for (const [key, ofKey] of sums) {
    const list: TimedValue[] = [];
    for (const [at, sum] of ofKey) {
      const start = startTs + at * intervalMs;
      const end = Math.min(start + intervalMs, endTs);
      const value = result(sum, aggregation);
      if (value !== undefined) list.push({ ts: start + Math.floor((end - start) / 2), value });
    }
    if (list.length > 0) points.set(key, list);
  }
  return points;
}

const emptySum = (): Sum => ({
  count: 0,
  numbers: 0,
  whole: 0,
  sum: ZERO,
  extreme: undefined,
  text: undefined,
});

function take(sum: Sum, value: JsonValue, aggregation: Aggregation): void {
  sum.count++;
  if (aggregation === 'COUNT') return;
  if (aggregation === 'SUM' || aggregation === 'AVG') {
    if (Number.isSafeInteger(value) && Number.isSafeInteger(sum.whole + Number(value))) sum.whole += Number(value);
    else {
      const decimal = decimalOf(value);
      if (decimal === undefined) return;
      sum.sum = add(sum.sum, decimal);
    }
    sum.numbers++;
    return;
  }
  // Doubles are in the order of the shortest texts that stand for them.
  if (typeof value === 'number' && typeof sum.extreme === 'number') {
    if (aggregation === 'MIN' ? value < sum.extreme : value > sum.extreme) sum.extreme = value;
    return;
  }
  const decimal = decimalOf(value);
  const better = (order: number): boolean => (aggregation === 'MIN' ? order < 0 : order > 0);
  if (decimal !== undefined) {
    const former = sum.extreme === undefined ? undefined : decimalOf(sum.extreme);
    if (former === undefined || better(compare(decimal, former))) sum.extreme = value;
  } else if (typeof value === 'string') {
    if (sum.text === undefined || better(value < sum.text ? -1 : value > sum.text ? 1 : 0)) sum.text = value;
  }
}

const total = ({ whole, sum }: Sum): Decimal => add(sum, { units: BigInt(whole), scale: 0 });

function result(sum: Sum, aggregation: Aggregation): JsonValue | undefined {
  switch (aggregation) {
    case 'COUNT':
      return sum.count;
    case 'SUM':
      return sum.numbers === 0 ? undefined : numberOf(total(sum));
    case 'AVG':
      return sum.numbers === 0 ? undefined : quotient(total(sum), sum.numbers);
    case 'MIN':
    case 'MAX':
      return sum.extreme ?? sum.text;
  }
}

function tooMany(max: number): BrokerError {
  const detail = `more than ${max} intervals have values: ask for a longer interval or a shorter range`;
  return new BrokerError('BAD_REQUEST', { field: 'interval', detail });
}
