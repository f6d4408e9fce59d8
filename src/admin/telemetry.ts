import { BrokerError } from '../errors.ts';
import { ENTITY_TYPES, type EntityType } from '../model/entity.ts';
import { type JsonValue, stringifyJson } from '../model/json.ts';
import type { TimedValue } from '../model/telemetry.ts';
import { type Config, flag, integer, oneOf, optional, text } from '../schema/fields.ts';
import { AGGREGATIONS, aggregate } from '../telemetry/aggregate.ts';
import type { AdminDeps } from './deps.ts';
import { dataOwnerOf, idParam } from './lookup.ts';
import { defineRoute, type Route } from './route.ts';
import { list, object } from './wire.ts';

const tag = 'telemetry';
const URL = '/api/plugins/telemetry';
const MAX_POINTS = 10_000;
const MIN_INTERVAL_MS = 1_000;
/** Integers a double holds exactly. */
export const MAX_TS = Number.MAX_SAFE_INTEGER;

const query = {
  keys: optional(text('Comma-separated; absent: all keys of the entity.')),
  key: optional(text('One key; may be repeated. Another way to write `keys`.')),
  startTs: optional(integer('From, ms, inclusive.', { minimum: -MAX_TS, maximum: MAX_TS })),
  endTs: optional(integer('To, ms, exclusive.', { minimum: -MAX_TS, maximum: MAX_TS })),
  limit: integer('Points a key, without aggregation.', { minimum: 1, maximum: MAX_POINTS, default: 100 }),
  orderBy: optional(oneOf('Order of time; absent: newest first, with aggregation oldest first.', ['ASC', 'DESC'])),
  agg: oneOf('What one interval gives; AVG is rounded to a double, the others are exact.', ['NONE', ...AGGREGATIONS], {
    default: 'NONE',
  }),
  interval: integer('Length of the intervals, ms; 0 = no aggregation, less than 1000 counts as 1000.', {
    minimum: 0,
    maximum: MAX_TS,
    default: 0,
  }),
  intervalType: oneOf('Calendar intervals are not offered.', ['MILLISECONDS'], { default: 'MILLISECONDS' }),
  useStrictDataTypes: flag('Values in their own types instead of as text.', { default: false }),
};

/** Series of any entity, read under ThingsBoard's paths. Suppliers see those of their devices. */
export const telemetryRoutes = (deps: AdminDeps): readonly Route[] =>
  ENTITY_TYPES.flatMap((type) => readRoutes(type, deps));

function readRoutes(type: EntityType, deps: AdminDeps): readonly Route[] {
  const { telemetry } = deps.storage;
  const base = `${URL}/${type}/:id`;
  const scoped = type === 'DEVICE' ? ({ supplier: 'device' } as const) : {};
  // The second path is that of ThingsBoard 4.
  const reads = [`${base}/values/timeseries`, `${base}/values/timeseries/history`].map((url) =>
    defineRoute({
      method: 'GET',
      url,
      tag,
      summary: 'Latest values, or with startTs and endTs the history.',
      role: 'read-only',
      ...scoped,
      lenient: true,
      params: idParam,
      query,
      answer: {
        type: 'object',
        additionalProperties: list(object({ ts: { type: 'integer' }, value: {} })),
      },
      async handle({ params, query: asked }) {
        const { id } = await dataOwnerOf(type, params.id, deps);
        const keys = keyList(asked.keys) ?? keyList(asked.key);
        const range = rangeOf(asked);
        const latest = range && keys ? undefined : await telemetry.latest(id, keys);
        const all = keys ?? [...(latest?.keys() ?? [])];
        const series = range
          ? await history(telemetry, { entityId: id, keys: all, ...range }, asked)
          : new Map([...(latest ?? [])].map(([key, value]) => [key, [value]] as const));
        return toSeries(series, asked.useStrictDataTypes);
      },
    }),
  );
  return [
    ...reads,
    defineRoute({
      method: 'GET',
      url: `${base}/keys/timeseries`,
      tag,
      summary: 'Keys that have values.',
      role: 'read-only',
      ...scoped,
      lenient: true,
      params: idParam,
      answer: list({ type: 'string' }),
      async handle({ params }) {
        const { id } = await dataOwnerOf(type, params.id, deps);
        return [...(await telemetry.latest(id)).keys()];
      },
    }),
  ];
}

/** Comma-separated keys, not trimmed; `undefined` = all. */
export function keyList(keys: string | undefined): readonly string[] | undefined {
  return keys === undefined || keys === '' ? undefined : [...new Set(keys.split(','))];
}

async function history(
  telemetry: AdminDeps['storage']['telemetry'],
  what: {
    readonly entityId: string;
    readonly keys: readonly string[];
    readonly startTs: number;
    readonly endTs: number;
  },
  { agg, interval, limit, orderBy }: Config<typeof query>,
): Promise<ReadonlyMap<string, readonly TimedValue[]>> {
  if (agg === 'NONE' || interval === 0) return telemetry.range({ ...what, limit, order: orderBy ?? 'DESC' });
  const intervalMs = Math.max(interval, MIN_INTERVAL_MS);
  const found = await aggregate(telemetry, { ...what, intervalMs, aggregation: agg, maxPoints: MAX_POINTS });
  if (orderBy !== 'DESC') return found;
  return new Map([...found].map(([key, points]) => [key, points.toReversed()]));
}

export function rangeOf({
  startTs,
  endTs,
}: {
  startTs: number | undefined;
  endTs: number | undefined;
}): { startTs: number; endTs: number } | undefined {
  if (startTs === undefined && endTs === undefined) return undefined;
  if (startTs === undefined || endTs === undefined) {
    const field = startTs === undefined ? 'startTs' : 'endTs';
    throw new BrokerError('BAD_REQUEST', { field, detail: 'startTs and endTs go together' });
  }
  if (endTs < startTs) throw new BrokerError('BAD_REQUEST', { field: 'endTs', detail: 'endTs is before startTs' });
  return { startTs, endTs };
}

function toSeries(series: ReadonlyMap<string, readonly TimedValue[]>, strict: boolean): unknown {
  const point = ({ ts, value }: TimedValue) => ({ ts, value: strict ? value : textOf(value) });
  return Object.fromEntries([...series].map(([key, points]) => [key, points.map(point)]));
}

/** ThingsBoard prints values as text; numbers keep the digits they were sent with. */
export const textOf = (value: JsonValue): string => (typeof value === 'string' ? value : stringifyJson(value));
