import { BrokerError } from '../errors.ts';
import { ALARM_SEVERITIES, type Alarm, type AlarmId, parseAlarmId } from '../model/alarm.ts';
import { ENTITY_TYPES } from '../model/entity.ts';
import { type DeviceId, parseUserId } from '../model/ids.ts';
import type { JsonObject } from '../model/json.ts';
import type { Principal } from '../registry/api-keys.ts';
import { type Config, flag, integer, json, jsonSchemaOf, oneOf, optional, text, texts } from '../schema/fields.ts';
import { ALARM, ALARM_INFO, toAlarm, toAlarmInfo } from './alarm-answer.ts';
import type { AdminDeps } from './deps.ts';
import { uuidOf } from './lookup.ts';
import { isLimited, mayRead } from './readable.ts';
import { type Call, defineRoute, type Route } from './route.ts';

const tag = 'alarms';
const alarmParam = { alarmId: text('UUID.') };
const id = text('UUID.');
const originator = { entityType: oneOf('Type of the originator.', ENTITY_TYPES), id };
const body = {
  id: optional(
    json<{ readonly id: string } | null>('Of the alarm to change; none for a new one.', {
      anyOf: [{ type: 'null' }, openObject({ id })],
    }),
  ),
  type: text('What is wrong; an originator has one active alarm of a type.', { minLength: 1 }),
  originator: json<Config<typeof originator>>('What the alarm is about.', openObject(originator)),
  severity: oneOf('How grave it is.', ALARM_SEVERITIES),
  acknowledged: flag('Whether somebody has seen it.', { default: false }),
  cleared: flag('Whether it is over.', { default: false }),
  startTs: optional(integer('When it began, ms since 1970; now without it.', { minimum: 0 })),
  details: optional(json<unknown>('Any JSON.', {})),
  propagate: flag('Whether parents of the originator shall see it.', { default: false }),
  propagateToOwner: flag('Whether its customer shall see it.', { default: false }),
  propagateToTenant: flag('Whether the tenant shall see it.', { default: false }),
  propagateRelationTypes: optional(
    json<readonly string[] | null>('Relations to parents; none = all.', {
      anyOf: [{ type: 'null' }, texts('').schema],
    }),
  ),
};
type SaveCall = Pick<Call<unknown, unknown, Config<typeof body>>, 'body' | 'json' | 'by'>;

/** One alarm: read, save, acknowledge, clear, assign, delete. ThingsBoard's paths. */
export function alarmRoutes(deps: AdminDeps): readonly Route[] {
  const { alarms } = deps;

  const readable = async (given: string, principal: Principal): Promise<Alarm> => {
    const alarm = await alarms.get(alarmIdOf(given));
    const { entityType, id } = alarm.originator;
    if (!isLimited(principal)) return alarm;
    if (entityType === 'DEVICE' && (await mayRead(principal, id as DeviceId, deps))) return alarm;
    const { subtree } = principal;
    if (entityType === 'ASSET' && subtree && (await deps.trees.isWithin(subtree, `ASSET:${id}`))) return alarm;
    throw new BrokerError('NOT_FOUND', { field: 'alarmId', detail: 'there is no such alarm' });
  };
  const save = async ({ body, json, by }: SaveCall): Promise<Alarm> => {
    const { type, severity, propagate, propagateToOwner, propagateToTenant } = body;
    const { details } = json as JsonObject;
    const given = { entityType: body.originator.entityType, id: uuidOf(body.originator.id, 'originator.id') };
    if (body.id) {
      const known = await alarms.get(alarmIdOf(body.id.id));
      if (known.cleared) throw taken('the alarm is cleared: leave out its id to make a new one');
      if (known.type !== type || known.originator.id !== given.id) throw taken('type and originator of an alarm stay');
    }
    const raised = await alarms.raise(
      {
        originator: given,
        type,
        severity,
        ...(body.startTs ? { startTs: body.startTs } : {}),
        ...(details === undefined ? {} : { details }),
        propagation: {
          propagate,
          propagateToOwner,
          propagateToTenant,
          propagateRelationTypes: body.propagateRelationTypes ?? [],
        },
      },
      by,
    );
    let { alarm } = raised;
    if (body.acknowledged) alarm = (await alarms.acknowledge(alarm.id, by)).alarm;
    if (body.cleared) alarm = (await alarms.clear(alarm.id, by)).alarm;
    return alarm;
  };
  const read = { method: 'GET', tag, role: 'read-only', supplier: 'own', lenient: true, params: alarmParam } as const;
  const write = { tag, role: 'operator', lenient: true } as const;

  return [
    defineRoute({
      ...read,
      url: '/api/alarm/:alarmId',
      summary: 'One alarm.',
      answer: ALARM,
      handle: async ({ params, principal }) => toAlarm(await readable(params.alarmId, principal)),
    }),
    defineRoute({
      ...read,
      url: '/api/alarm/info/:alarmId',
      summary: 'One alarm, with the names of its originator and assignee.',
      answer: ALARM_INFO,
      handle: async ({ params, principal }) => toAlarmInfo(await readable(params.alarmId, principal), deps),
    }),
    defineRoute({
      ...write,
      method: 'POST',
      url: '/api/alarm',
      summary: 'Makes an alarm, or updates the active one of the same originator and type.',
      body,
      answer: ALARM,
      handle: async (call) => toAlarm(await save(call)),
    }),
    defineRoute({
      ...write,
      method: 'POST',
      url: '/api/alarm/:alarmId/ack',
      summary: 'Notes that somebody has seen the alarm.',
      params: alarmParam,
      answer: ALARM_INFO,
      async handle({ params, by, principal }) {
        const { id } = await readable(params.alarmId, principal);
        const { kind, alarm } = await alarms.acknowledge(id, by);
        if (kind === 'unchanged') throw taken('the alarm is acknowledged already');
        return toAlarmInfo(alarm, deps);
      },
    }),
    defineRoute({
      ...write,
      method: 'POST',
      url: '/api/alarm/:alarmId/clear',
      summary: 'Ends the alarm.',
      params: alarmParam,
      answer: ALARM_INFO,
      async handle({ params, by, principal }) {
        const { id } = await readable(params.alarmId, principal);
        const { kind, alarm } = await alarms.clear(id, by);
        if (kind === 'unchanged') throw taken('the alarm is cleared already');
        return toAlarmInfo(alarm, deps);
      },
    }),
    defineRoute({
      ...write,
      method: 'POST',
      url: '/api/alarm/:alarmId/assign/:assigneeId',
      summary: 'Gives the alarm to a user.',
      params: { ...alarmParam, assigneeId: text('UUID of the user.') },
      answer: ALARM,
      async handle({ params, by }) {
        const userId = parseUserId(params.assigneeId);
        if (userId === undefined || !(await deps.users.user(userId))) {
          throw new BrokerError('NOT_FOUND', { field: 'assigneeId', detail: 'there is no such user' });
        }
        return toAlarm((await alarms.assign(alarmIdOf(params.alarmId), userId, by)).alarm);
      },
    }),
    defineRoute({
      ...write,
      method: 'DELETE',
      url: '/api/alarm/:alarmId/assign',
      summary: 'Takes the alarm from its user.',
      params: alarmParam,
      answer: ALARM,
      handle: async ({ params, by }) => toAlarm((await alarms.assign(alarmIdOf(params.alarmId), undefined, by)).alarm),
    }),
    defineRoute({
      ...write,
      method: 'DELETE',
      url: '/api/alarm/:alarmId',
      summary: 'Forgets the alarm.',
      params: alarmParam,
      answer: { const: true },
      async handle({ params, by }) {
        await alarms.remove(alarmIdOf(params.alarmId), by);
        return true;
      },
    }),
  ];
}

/** ThingsBoard's clients send whole objects back, with members that we do not read. */
function openObject(fields: Parameters<typeof jsonSchemaOf>[0]): Record<string, unknown> {
  return { ...jsonSchemaOf(fields), additionalProperties: true };
}

const taken = (detail: string): BrokerError => new BrokerError('BAD_REQUEST', { field: 'alarmId', detail });

function alarmIdOf(given: string): AlarmId {
  const alarmId = parseAlarmId(given);
  if (alarmId === undefined)
    throw new BrokerError('BAD_REQUEST', { field: 'alarmId', detail: '"alarmId" is not a UUID' });
  return alarmId;
}
