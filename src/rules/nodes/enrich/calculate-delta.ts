import { add, type Decimal, decimalOf, numberOf, rounded } from '../../../model/decimal.ts';
import { type JsonValue, parseJson } from '../../../model/json.ts';
import { type Msg, withMsg } from '../../../model/msg.ts';
import { flag, integer, optional, text } from '../../../schema/fields.ts';
import type { NodeContext } from '../../node-context.ts';
import { dataObject, defineNode, NodeFailure } from '../../node-kind.ts';
import { effectiveTs } from '../../processing.ts';
import { copyRecord, setOwn } from '../../record.ts';
import { nonNull } from '../../relation-nodes.ts';
import { addMember } from '../../upgrade-steps.ts';

interface Reading {
  readonly ts: number;
  readonly value: Decimal;
}

/** Originators whose last reading is remembered; the one met first is forgotten first. */
const MAX_REMEMBERED = 100_000;

export const calculateDelta = defineNode({
  kind: 'enrich/calculate-delta',
  thingsboard: {
    type: 'org.thingsboard.rule.engine.metadata.CalculateDeltaNode',
    version: 1,
    upgrades: [addMember('excludeZeroDeltas', false)],
    read: nonNull,
  },
  version: 0,
  summary:
    'Puts the difference of a counter to its last value into the body, exactly, whatever the digits; 0 the first time. What is no telemetry, or has no such key, goes to Other. Stands before the node that saves the telemetry.',
  since: '0.3.0',
  fields: {
    inputValueKey: text('Key of the counter.', { default: 'pulseCounter', minLength: 1 }),
    outputValueKey: text('Key to put the difference under.', { default: 'delta', minLength: 1 }),
    useCache: flag('Remember the last value instead of reading it from the store each time.', { default: true }),
    addPeriodBetweenMsgs: flag('Put the time between the two values as well, ms.', { default: false }),
    periodValueKey: text('Key to put that time under.', { default: 'periodInMs', minLength: 1 }),
    round: optional(integer('Digits behind the point; absent: all there are.', { minimum: 0, maximum: 20 })),
    tellFailureIfDeltaIsNegative: flag('Whether a counter that goes back is a failure.', { default: true }),
    excludeZeroDeltas: flag('Leave the message as it is when the difference is 0.', { default: false }),
  },
  relations: ['Success', 'Other'],
  examples: [
    {
      title: 'The energy since the last reading',
      config: { inputValueKey: 'energy', addPeriodBetweenMsgs: true },
      given: { telemetry: { 'meter-1': [{ ts: 1749999940000, values: { energy: 5.1 } }] } },
      msg: { type: 'POST_TELEMETRY_REQUEST', data: { energy: 5.3 } },
      goesTo: 'Success',
      data: { energy: 5.3, delta: 0.2, periodInMs: 60000 },
    },
    {
      title: 'A counter that goes back',
      config: { inputValueKey: 'energy' },
      given: { telemetry: { 'meter-1': [{ ts: 1749999940000, values: { energy: 9 } }] } },
      msg: { type: 'POST_TELEMETRY_REQUEST', data: { energy: 5 } },
      goesTo: 'Failure',
    },
    { title: 'No reading', config: {}, msg: { type: 'POST_ATTRIBUTES_REQUEST', data: {} }, goesTo: 'Other' },
  ],
  create(config) {
    const { inputValueKey: key, useCache } = config;
    const remembered = new Map<string, Reading>();
    const remember = (id: string, reading: Reading): void => {
      remembered.delete(id);
      remembered.set(id, reading);
      const [oldest] = remembered.size > MAX_REMEMBERED ? remembered.keys() : [];
      if (oldest !== undefined) remembered.delete(oldest);
    };
    const leave = (msg: Msg, now: Reading, former: Reading | undefined, context: NodeContext) => {
      const { id } = msg.originator;
      if (useCache) {
        remember(id, now);
        context.onNotStored(() => {
          if (former) remember(id, former);
          else remembered.delete(id);
        });
      }
      const before = former ?? now;
      const delta = add(now.value, { ...before.value, units: -before.value.units });
      if (delta.units < 0n && config.tellFailureIfDeltaIsNegative)
        throw new NodeFailure(`the difference of ${key} is negative`);
      if (delta.units === 0n && config.excludeZeroDeltas) return { relation: 'Success', msg } as const;
      const data = copyRecord(dataObject(msg));
      setOwn(data, config.outputValueKey, numberOf(config.round === undefined ? delta : rounded(delta, config.round)));
      if (config.addPeriodBetweenMsgs) setOwn(data, config.periodValueKey, now.ts - before.ts);
      return { relation: 'Success', msg: withMsg(msg, { data }) } as const;
    };
    const read = async (msg: Msg, now: Reading, context: NodeContext) => {
      const latest = (await context.readLatest(msg.originator, [key])).get(key);
      const value = latest && toDecimal(latest.value);
      return leave(msg, now, latest && value && { ts: latest.ts, value }, context);
    };
    return {
      onMsg(msg, context) {
        if (msg.type !== 'POST_TELEMETRY_REQUEST') return { relation: 'Other', msg };
        const data = dataObject(msg);
        if (!Object.hasOwn(data, key)) return { relation: 'Other', msg };
        const value = toDecimal(data[key] as JsonValue);
        if (value === undefined) throw new NodeFailure(`${key} is no number`);
        const now = { ts: effectiveTs(msg), value };
        const former = useCache ? remembered.get(msg.originator.id) : undefined;
        return former ? leave(msg, now, former, context) : read(msg, now, context);
      },
    };
  },
});

/** Numbers, and texts that are the JSON of one: meters send counters as texts, too. */
function toDecimal(value: JsonValue): Decimal | undefined {
  if (typeof value !== 'string') return decimalOf(value);
  const parsed = parseJson(value.trim(), { maxDepth: 1 });
  return parsed.ok ? decimalOf(parsed.value) : undefined;
}
