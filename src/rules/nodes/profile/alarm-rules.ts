import { TENANT } from '../../../model/entity.ts';
import type { JsonObject, JsonValue } from '../../../model/json.ts';
import { type DeviceOriginator, isMsgData, type Msg } from '../../../model/msg.ts';
import { Secret } from '../../../model/secret.ts';
import { flag } from '../../../schema/fields.ts';
import {
  ALARM_RULES_DUE,
  type AlarmHand,
  type AlarmPlace,
  type AlarmRules,
  type AlarmView,
  alarmMsg,
  type DataRef,
  type DataSource,
  type DeviceAlarms,
  type Heard,
  keyOf,
  refOf,
  sourceOf,
} from '../../alarms/index.ts';
import type { NodeContext } from '../../node-context.ts';
import { defineNode } from '../../node-kind.ts';

const RELATIONS = ['Success', 'Alarm Created', 'Alarm Updated', 'Alarm Severity Updated', 'Alarm Cleared'] as const;
const MARKS = {
  'Alarm Created': 'created',
  'Alarm Updated': 'updated',
  'Alarm Severity Updated': 'severity-updated',
  'Alarm Cleared': 'cleared',
} as const;

export const alarmRules = defineNode({
  kind: 'profile/alarm-rules',
  thingsboard: {
    type: 'org.thingsboard.rule.engine.profile.TbDeviceProfileNode',
    version: 1,
    upgrades: [
      (configuration) =>
        configuration.persistAlarmRulesState === true
          ? configuration
          : { ...configuration, fetchAlarmRulesStateOnStart: false },
    ],
  },
  version: 0,
  summary:
    "Evaluates the alarm rules of the device's profile. The message goes on by Success; each alarm that was raised, updated or cleared leaves beside it as a message of type ALARM.",
  since: '0.2.0',
  fields: {
    persistAlarmRulesState: flag('Whether counts and durations outlive the process.', { default: false }),
    fetchAlarmRulesStateOnStart: flag('As in ThingsBoard; states that were kept are always taken up at the start.', {
      default: false,
    }),
  },
  relations: RELATIONS,
  examples: [
    {
      title: 'A profile without alarm rules',
      config: {},
      msg: { type: 'POST_TELEMETRY_REQUEST', data: { temperature: 91 } },
      goesTo: 'Success',
    },
  ],
  create({ persistAlarmRulesState }, { chain, node }) {
    const at = { chain, node };
    return {
      onMsg(msg, context) {
        const { originator } = msg;
        const rules = originator.entityType === 'DEVICE' ? context.alarmRules(originator.profile) : undefined;
        const due = msg.type === ALARM_RULES_DUE;
        if (rules === undefined || originator.entityType !== 'DEVICE') return { relation: due ? [] : 'Success', msg };
        const news = due ? undefined : newsOf(msg, rules);
        if (news !== undefined && news.length === 0) {
          forget(msg, context.alarmStates.find(at, originator), rules);
          return { relation: 'Success', msg };
        }
        return evaluate(msg, { at, originator, rules, news, context, persist: persistAlarmRulesState });
      },
    };
  },
});

/** What a message says about things that rules read; undefined as a value: it is gone. */
type News = readonly (readonly [DataRef, JsonValue | undefined])[];

interface Visit {
  readonly at: AlarmPlace;
  readonly originator: DeviceOriginator;
  readonly rules: AlarmRules;
  /** Undefined: only time has passed. */
  readonly news: News | undefined;
  readonly context: NodeContext;
  readonly persist: boolean;
}

async function evaluate(msg: Msg, visit: Visit) {
  const { at, originator, rules, news, context, persist } = visit;
  const alarms = context.alarmStates.find(at, originator) ?? (await begin(visit));
  const ts = news === undefined ? context.now() : timeOf(msg);
  const changed = news && alarms.hear(news, ts, rules);
  if (changed?.size === 0) return { relation: 'Success' as const, msg };
  const view = viewOf(alarms, await shared(rules, originator, context), ts);
  const outputs = await alarms.evaluate(rules, view, changed, handOf(visit, view));
  const dueAt = alarms.dueAt(rules, view);
  context.alarmStates.setDue(at, originator, dueAt);
  if (persist) context.saveAlarmState(at, originator, { state: alarms.save(), dueAt });
  const also = outputs.map(({ relation, alarm, repeats, durationMs }, index) => {
    const measures = {
      ...(repeats === undefined ? {} : { alarmConditionRepeats: String(repeats) }),
      ...(durationMs === undefined ? {} : { alarmConditionDuration: String(durationMs) }),
    };
    return { relation, msg: { ...alarmMsg(msg, alarm, MARKS[relation], measures), id: `${msg.id}+${index + 1}` } };
  });
  return { relation: news === undefined ? [] : ('Success' as const), msg, ...(also.length > 0 ? { also } : {}) };
}

/** A device that nothing was kept of: its rules go on from what is stored. */
async function begin({ at, originator, rules, context, persist }: Visit): Promise<DeviceAlarms> {
  const keys = (source: DataSource) => [...rules.reads].filter((ref) => sourceOf(ref) === source).map(keyOf);
  const alarms = context.alarmStates.create(at, originator);
  const put = (source: DataSource, found: ReadonlyMap<string, Heard>): void => {
    for (const [key, { ts, value }] of found) alarms.data.set(refOf(source, key), { ts, value });
  };
  const telemetry = keys('telemetry');
  if (telemetry.length > 0) put('telemetry', await context.readLatest(originator, telemetry));
  const attributes = keys('attributes');
  for (const scope of attributes.length > 0 ? (['CLIENT_SCOPE', 'SHARED_SCOPE', 'SERVER_SCOPE'] as const) : []) {
    put('attributes', await context.readAttributes(originator, scope, attributes));
  }
  const saved = persist ? await context.loadAlarmState(at, originator) : undefined;
  if (saved !== undefined) alarms.load(saved);
  return alarms;
}

/** What rules read of the device's customer and the tenant, and the device's fields: read anew each time. */
async function shared(
  rules: AlarmRules,
  originator: DeviceOriginator,
  context: NodeContext,
): Promise<ReadonlyMap<DataRef, JsonValue>> {
  const values = new Map<DataRef, JsonValue>([
    [refOf('field', 'name'), originator.name],
    [refOf('field', 'type'), originator.profile],
  ]);
  for (const source of ['customer', 'tenant'] as const) {
    const keys = [...rules.reads].filter((ref) => sourceOf(ref) === source).map(keyOf);
    const entity = keys.length === 0 ? undefined : source === 'tenant' ? TENANT : await context.customerOf(originator);
    if (entity === undefined) continue;
    const found = await context.readAttributes(entity, 'SERVER_SCOPE', keys);
    for (const [key, { value }] of found) values.set(refOf(source, key), value);
  }
  return values;
}

function viewOf(alarms: DeviceAlarms, others: ReadonlyMap<DataRef, JsonValue>, ts: number): AlarmView {
  return {
    ts,
    value: (ref) => alarms.data.get(ref)?.value ?? others.get(ref),
    heardAt: (ref) => alarms.data.get(ref)?.ts,
  };
}

function handOf({ at, originator, context }: Visit, view: AlarmView): AlarmHand {
  const by = `chain:${at.chain}/${at.node}`;
  return {
    isActive: async ({ type }) => (await context.activeAlarm(originator, type)) !== undefined,
    async raise({ type, propagation }, severity, details) {
      const given = details === undefined ? {} : { details };
      const request = { originator, type, severity, startTs: view.ts, propagation, noDowngrade: true, ...given };
      const { kind, alarm } = await context.raiseAlarm(request, by);
      switch (kind) {
        case 'created':
          return { relation: 'Alarm Created', alarm };
        case 'updated':
          return { relation: 'Alarm Updated', alarm };
        case 'severity-updated':
          return { relation: 'Alarm Severity Updated', alarm };
        case 'outranked':
          return undefined;
      }
    },
    async clear({ type }, details) {
      const active = await context.activeAlarm(originator, type);
      return active && context.clearAlarm(active.id, by, details);
    },
  };
}

/** Empty: nothing that rules read. */
function newsOf(msg: Msg, rules: AlarmRules): News {
  switch (msg.type) {
    case 'POST_TELEMETRY_REQUEST':
      return valuesOf(msg, 'telemetry', rules);
    case 'POST_ATTRIBUTES_REQUEST':
    case 'ATTRIBUTES_UPDATED':
    case 'ACTIVITY_EVENT':
    case 'INACTIVITY_EVENT':
      return valuesOf(msg, 'attributes', rules);
    case 'ATTRIBUTES_DELETED': {
      const keys = isMsgData(msg.data) ? msg.data.attributes : undefined;
      const refs = (Array.isArray(keys) ? keys : []).map((key) => refOf('attributes', String(key)));
      return refs.filter((ref) => rules.reads.has(ref)).map((ref) => [ref, undefined] as const);
    }
    default:
      return [];
  }
}

function valuesOf({ data }: Msg, source: DataSource, rules: AlarmRules): News {
  if (!isMsgData(data)) return [];
  return Object.entries(data).flatMap(([key, value]) => {
    const ref = refOf(source, key);
    return rules.reads.has(ref) && !(value instanceof Secret) ? [[ref, value] as const] : [];
  });
}

/** Somebody has cleared, deleted or acknowledged an alarm. */
function forget(msg: Msg, alarms: DeviceAlarms | undefined, rules: AlarmRules): void {
  if (!['ALARM_CLEAR', 'ALARM_DELETE', 'ALARM_ACK'].includes(msg.type) || !isMsgData(msg.data)) return;
  const { type } = msg.data as JsonObject;
  if (typeof type === 'string') alarms?.forget(rules, type, msg.type !== 'ALARM_ACK');
}

/** Telemetry has a time of its own; all else happened when the message came. */
function timeOf({ metadata, ts, type }: Msg): number {
  const given = type === 'POST_TELEMETRY_REQUEST' ? Number(metadata.ts) : Number.NaN;
  return Number.isSafeInteger(given) && given > 0 ? given : ts;
}
