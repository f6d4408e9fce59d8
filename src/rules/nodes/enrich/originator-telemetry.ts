import { type JsonValue, stringifyJson } from '../../../model/json.ts';
import type { Msg } from '../../../model/msg.ts';
import type { TimedValue } from '../../../model/telemetry.ts';
import { flag, integer, oneOf, text, texts } from '../../../schema/fields.ts';
import { MAX_KEYS } from '../../attribute-fetch.ts';
import { HISTORY_AGGREGATIONS } from '../../entity-context.ts';
import { withFetched } from '../../fetch.ts';
import { defineNode, NodeFailure, type RawConfig } from '../../node-kind.ts';
import { nonNull } from '../../relation-nodes.ts';
import { compileText } from '../../template.ts';

const UNIT_MS = {
  MILLISECONDS: 1,
  SECONDS: 1_000,
  MINUTES: 60_000,
  HOURS: 3_600_000,
  DAYS: 86_400_000,
} as const;
const UNITS = [
  'MILLISECONDS',
  'SECONDS',
  'MINUTES',
  'HOURS',
  'DAYS',
] as const satisfies readonly (keyof typeof UNIT_MS)[];
const MAX_LIMIT = 1_000;

export const originatorTelemetry = defineNode({
  kind: 'enrich/originator-telemetry',
  thingsboard: {
    type: 'org.thingsboard.rule.engine.metadata.TbGetTelemetryNode',
    version: 2,
    upgrades: [withDefaults, withKnownMode],
    read: nonNull,
  },
  version: 0,
  summary:
    'Reads the history of the originator in a range of time into the metadata: the first or last value of each key as a text, or all of them as JSON [{"ts", "value"}]. Keys without points are left out.',
  since: '0.3.0',
  fields: {
    latestTsKeyNames: texts('Keys of the telemetry; ${key} is metadata, $[key] the body.', { minItems: 1 }),
    fetchMode: oneOf('The first value of the range, the last one, or all.', ['FIRST', 'LAST', 'ALL'], {
      default: 'FIRST',
    }),
    startInterval: integer('How long ago the range begins.', { default: 2, minimum: 1 }),
    startIntervalTimeUnit: oneOf('Unit of that.', UNITS, { default: 'MINUTES' }),
    endInterval: integer('How long ago the range ends.', { default: 1, minimum: 0 }),
    endIntervalTimeUnit: oneOf('Unit of that.', UNITS, { default: 'MINUTES' }),
    useMetadataIntervalPatterns: flag('Take begin and end from the patterns instead.', { default: false }),
    startIntervalPattern: text('Begin, ms since 1970, inclusive; ${key} is metadata, $[key] the body.', {
      default: '',
    }),
    endIntervalPattern: text('End, ms since 1970, exclusive.', { default: '' }),
    orderBy: oneOf('With ALL: oldest or newest first.', ['ASC', 'DESC'], { default: 'ASC' }),
    aggregation: oneOf('With ALL: one value for the whole range instead of its points.', HISTORY_AGGREGATIONS, {
      default: 'NONE',
    }),
    limit: integer('With ALL: points of a key.', { default: MAX_LIMIT, minimum: 2, maximum: MAX_LIMIT }),
  },
  relations: ['Success'],
  examples: [
    {
      title: 'The first reading of the last two minutes',
      config: { latestTsKeyNames: ['energy', 'none'], endInterval: 0 },
      given: { telemetry: { 'meter-1': [{ ts: 1749999990000, values: { energy: 4711.5 } }] } },
      msg: { data: {} },
      goesTo: 'Success',
      metadata: { energy: '4711.5' },
    },
    {
      title: 'All readings between two times of the message',
      config: {
        latestTsKeyNames: ['energy'],
        fetchMode: 'ALL',
        useMetadataIntervalPatterns: true,
        startIntervalPattern: '${from}',
        endIntervalPattern: '$[to]',
      },
      given: {
        telemetry: {
          'meter-1': [
            { ts: 10, values: { energy: 1 } },
            { ts: 20, values: { energy: 2 } },
          ],
        },
      },
      msg: { data: { to: 21 }, metadata: { from: '10' } },
      goesTo: 'Success',
      metadata: { energy: '[{"ts":10,"value":1},{"ts":20,"value":2}]' },
    },
  ],
  *lint(config) {
    if (config.latestTsKeyNames.length > MAX_KEYS)
      yield { at: '/latestTsKeyNames', problem: `more than ${MAX_KEYS} keys` };
    if (config.useMetadataIntervalPatterns) {
      for (const field of ['startIntervalPattern', 'endIntervalPattern'] as const)
        if (config[field] === '') yield { at: `/${field}`, problem: 'is empty: which time is it?' };
      return;
    }
    const start = config.startInterval * UNIT_MS[config.startIntervalTimeUnit];
    const end = config.endInterval * UNIT_MS[config.endIntervalTimeUnit];
    if (start <= end) yield { at: '/startInterval', problem: 'the range ends before it begins' };
  },
  create(config) {
    const names = config.latestTsKeyNames.map(compileText);
    const rangeOf = compileRange(config);
    const { fetchMode } = config;
    const all = fetchMode === 'ALL';
    return {
      async onMsg(msg, context) {
        const found = await context.readHistory(msg.originator, {
          keys: names.map((name) => name(msg)),
          ...rangeOf(msg, context.now()),
          limit: all ? config.limit : 1,
          order: all ? config.orderBy : fetchMode === 'FIRST' ? 'ASC' : 'DESC',
          aggregation: all ? config.aggregation : 'NONE',
        });
        const values = [...found].map(
          ([key, points]) => [key, all ? listOf(points) : (points[0]?.value ?? null)] as const,
        );
        return { relation: 'Success', msg: withFetched(msg, 'METADATA', values) };
      },
    };
  },
});

const listOf = (points: readonly TimedValue[]): JsonValue =>
  stringifyJson(points.map(({ ts, value }) => ({ ts, value })));

interface RangeConfig {
  readonly startInterval: number;
  readonly startIntervalTimeUnit: keyof typeof UNIT_MS;
  readonly endInterval: number;
  readonly endIntervalTimeUnit: keyof typeof UNIT_MS;
  readonly useMetadataIntervalPatterns: boolean;
  readonly startIntervalPattern: string;
  readonly endIntervalPattern: string;
}

function compileRange(config: RangeConfig): (msg: Msg, now: number) => { startTs: number; endTs: number } {
  if (!config.useMetadataIntervalPatterns) {
    const start = config.startInterval * UNIT_MS[config.startIntervalTimeUnit];
    const end = config.endInterval * UNIT_MS[config.endIntervalTimeUnit];
    return (_, now) => ({ startTs: now - start, endTs: now - end });
  }
  const start = compileText(config.startIntervalPattern);
  const end = compileText(config.endIntervalPattern);
  return (msg) => ({ startTs: timeOf(start(msg), 'begin'), endTs: timeOf(end(msg), 'end') });
}

function timeOf(text: string, what: string): number {
  const ts = Number(text);
  if (text.trim() !== '' && Number.isSafeInteger(ts)) return ts;
  throw new NodeFailure(`the ${what} of the range is no time in milliseconds`);
}

function withDefaults(old: RawConfig): RawConfig {
  const blank = (value: unknown): boolean => value === undefined || value === null || value === '';
  return {
    ...old,
    ...(blank(old.orderBy) ? { orderBy: 'ASC' } : {}),
    ...(blank(old.aggregation) ? { aggregation: 'NONE' } : {}),
    ...(blank(old.limit) ? { limit: MAX_LIMIT } : {}),
  };
}

function withKnownMode(old: RawConfig): RawConfig {
  return old.fetchMode === 'FIRST' || old.fetchMode === 'ALL' ? old : { ...old, fetchMode: 'LAST' };
}
