import { BrokerError } from '../errors.ts';
import { ALARM_SEVERITIES, ALARM_STATUSES, type AlarmSeverity, type AlarmStatus } from '../model/alarm.ts';
import { ENTITY_TYPES, type EntityType } from '../model/entity.ts';
import { parseUserId } from '../model/ids.ts';
import type { Principal } from '../registry/api-keys.ts';
import { type Config, flag, integer, oneOf, optional, text } from '../schema/fields.ts';
import type { AlarmFilter } from '../storage/alarm-store.ts';
import { ALARM_INFO, toAlarmInfo } from './alarm-answer.ts';
import type { AdminDeps } from './deps.ts';
import { deviceOf, idParam, pageFields, uuidOf } from './lookup.ts';
import { defineRoute, type Route } from './route.ts';
import { countedPageOf, object, toCountedPage } from './wire.ts';

const tag = 'alarms';
const SEARCH_STATUSES = ['ANY', 'ACTIVE', 'CLEARED', 'ACK', 'UNACK'] as const;
type SearchStatus = (typeof SEARCH_STATUSES)[number];

const common = {
  ...pageFields,
  assigneeId: optional(text('Only alarms of this user.')),
  textSearch: optional(text('Part of the type, whatever its case.')),
  sortProperty: optional(oneOf('Alarms are sorted by the time they were created.', ['createdTime'])),
  sortOrder: optional(oneOf('Newest first without it.', ['ASC', 'DESC'])),
  startTime: optional(integer('Created at this time or later, ms since 1970.', { minimum: 0 })),
  endTime: optional(integer('Created at this time or before, ms since 1970.', { minimum: 0 })),
};
const byStatus = {
  searchStatus: optional(oneOf('Only alarms in this state.', SEARCH_STATUSES)),
  status: optional(oneOf('Only alarms of this status; not beside searchStatus.', ALARM_STATUSES)),
  assigneeId: common.assigneeId,
};
const v1 = { ...common, ...byStatus, fetchOriginator: optional(flag('Names of originators are always given.')) };
const v2 = {
  ...common,
  statusList: optional(text(`States, with commas: ${SEARCH_STATUSES.join(', ')}.`)),
  severityList: optional(text(`Severities, with commas: ${ALARM_SEVERITIES.join(', ')}.`)),
  typeList: optional(text('Types of alarms, with commas.')),
};
type CommonQuery = Config<typeof common>;
const entityParams = { entityType: oneOf('Type of the originator.', ENTITY_TYPES), ...idParam };

/** Lists of alarms under ThingsBoard's paths. */
export function alarmListRoutes(deps: AdminDeps): readonly Route[] {
  const list = async (query: CommonQuery, filter: AlarmFilter, principal: Principal) => {
    const { page, pageSize, assigneeId, textSearch, startTime, endTime, sortOrder } = query;
    const found = await deps.alarms.list({
      ...filter,
      ...scopeOf(principal),
      ...(assigneeId ? { assigneeId: userIdOf(assigneeId) } : {}),
      ...(textSearch ? { textSearch } : {}),
      ...(startTime === undefined ? {} : { startTime }),
      ...(endTime === undefined ? {} : { endTime }),
      oldestFirst: sortOrder === 'ASC',
      page,
      pageSize,
    });
    const data = await Promise.all(found.data.map((alarm) => toAlarmInfo(alarm, deps)));
    return toCountedPage({ ...found, data }, pageSize, (alarm) => alarm);
  };
  const ofEntity = async (entityType: EntityType, given: string): Promise<AlarmFilter> => {
    const id = entityType === 'DEVICE' ? (await deviceOf(given, deps)).id : uuidOf(given);
    return { originator: { entityType, id } };
  };
  const shared = { method: 'GET', tag, role: 'read-only', lenient: true } as const;
  const answer = countedPageOf(ALARM_INFO);
  const mine = 'Alarms of a device.';
  const any = 'Alarms of any entity.';

  return [
    defineRoute({
      ...shared,
      url: '/api/alarms',
      summary: 'All alarms.',
      supplier: 'own',
      query: v1,
      answer,
      handle: ({ query, principal }) => list(query, statusFilter(query), principal),
    }),
    defineRoute({
      ...shared,
      url: '/api/v2/alarms',
      summary: 'All alarms, by lists of states, severities and types.',
      supplier: 'own',
      query: v2,
      answer,
      handle: ({ query, principal }) => list(query, listFilter(query), principal),
    }),
    defineRoute({
      ...shared,
      url: '/api/alarm/DEVICE/:id',
      summary: mine,
      supplier: 'device',
      params: idParam,
      query: v1,
      answer,
      handle: async ({ params, query, principal }) =>
        list(query, { ...(await ofEntity('DEVICE', params.id)), ...statusFilter(query) }, principal),
    }),
    defineRoute({
      ...shared,
      url: '/api/alarm/:entityType/:id',
      summary: any,
      params: entityParams,
      query: v1,
      answer,
      handle: async ({ params, query, principal }) =>
        list(query, { ...(await ofEntity(params.entityType, params.id)), ...statusFilter(query) }, principal),
    }),
    defineRoute({
      ...shared,
      url: '/api/v2/alarm/DEVICE/:id',
      summary: mine,
      supplier: 'device',
      params: idParam,
      query: v2,
      answer,
      handle: async ({ params, query, principal }) =>
        list(query, { ...(await ofEntity('DEVICE', params.id)), ...listFilter(query) }, principal),
    }),
    defineRoute({
      ...shared,
      url: '/api/v2/alarm/:entityType/:id',
      summary: any,
      params: entityParams,
      query: v2,
      answer,
      handle: async ({ params, query, principal }) =>
        list(query, { ...(await ofEntity(params.entityType, params.id)), ...listFilter(query) }, principal),
    }),
    defineRoute({
      ...shared,
      url: '/api/alarm/highestSeverity/:entityType/:id',
      summary: 'The gravest severity among the alarms of an entity; no body when it has none.',
      params: entityParams,
      query: byStatus,
      answer: { enum: [...ALARM_SEVERITIES, null] },
      async handle({ params, query }) {
        const { assigneeId } = query;
        return deps.alarms.highestSeverity({
          ...(await ofEntity(params.entityType, params.id)),
          ...statusFilter(query),
          ...(assigneeId ? { assigneeId: userIdOf(assigneeId) } : {}),
        });
      },
    }),
    defineRoute({
      ...shared,
      url: '/api/alarm/types',
      summary: 'The types that alarms have.',
      query: { ...pageFields, textSearch: common.textSearch, sortOrder: common.sortOrder },
      answer: countedPageOf(object({ type: { type: 'string' }, entityType: { const: 'ALARM' } })),
      async handle({ query: { page, pageSize, textSearch = '', sortOrder } }) {
        const part = textSearch.toLowerCase();
        const all = (await deps.alarms.types()).filter((type) => type.toLowerCase().includes(part));
        if (sortOrder === 'DESC') all.reverse();
        const end = (page + 1) * pageSize;
        const found = { data: all.slice(end - pageSize, end), totalElements: all.length, hasNext: end < all.length };
        return toCountedPage(found, pageSize, (type) => ({ type, entityType: 'ALARM' }));
      },
    }),
  ];
}

function scopeOf({ role, supplierId }: Principal): Pick<AlarmFilter, 'supplierId'> {
  if (role !== 'supplier') return {};
  if (supplierId === undefined) throw new BrokerError('FORBIDDEN');
  return { supplierId };
}

function statusFilter({ searchStatus, status }: Config<typeof byStatus>): Pick<AlarmFilter, 'statuses'> {
  if (searchStatus !== undefined && status !== undefined) {
    const detail = 'give searchStatus or status, not both';
    throw new BrokerError('BAD_REQUEST', { field: 'status', detail });
  }
  if (status !== undefined) return { statuses: [status] };
  return searchStatus === undefined ? {} : statusesOf([searchStatus]);
}

function listFilter(query: Pick<Config<typeof v2>, 'statusList' | 'severityList' | 'typeList'>): AlarmFilter {
  const states = wordsOf(query.statusList, 'statusList', SEARCH_STATUSES);
  const severities: readonly AlarmSeverity[] = wordsOf(query.severityList, 'severityList', ALARM_SEVERITIES);
  const types = partsOf(query.typeList);
  return {
    ...statusesOf(states),
    ...(severities.length > 0 ? { severities } : {}),
    ...(types.length > 0 ? { types } : {}),
  };
}

/** ACTIVE beside CLEARED, or ACK beside UNACK, asks for nothing; the two pairs narrow each other. */
function statusesOf(states: readonly SearchStatus[]): { readonly statuses?: readonly AlarmStatus[] } {
  const one = (a: SearchStatus, b: SearchStatus) => states.includes(a) !== states.includes(b);
  const narrows = (a: 'ACTIVE' | 'ACK', b: 'CLEARED' | 'UNACK', ofA: (status: AlarmStatus) => boolean) =>
    one(a, b) ? (status: AlarmStatus) => ofA(status) === states.includes(a) : () => true;
  const active = narrows('ACTIVE', 'CLEARED', (status) => status.startsWith('ACTIVE'));
  const acknowledged = narrows('ACK', 'UNACK', (status) => status.endsWith('_ACK'));
  const statuses = ALARM_STATUSES.filter((status) => active(status) && acknowledged(status));
  return statuses.length === ALARM_STATUSES.length ? {} : { statuses };
}

const partsOf = (text: string | undefined): readonly string[] =>
  (text ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

function wordsOf<W extends string>(text: string | undefined, field: string, known: readonly W[]): readonly W[] {
  return partsOf(text).map((word) => {
    const found = known.find((one) => one === word);
    if (found) return found;
    throw new BrokerError('BAD_REQUEST', { field, detail: `"${field}" takes ${known.join(', ')}` });
  });
}

function userIdOf(text: string) {
  const id = parseUserId(text);
  if (id === undefined)
    throw new BrokerError('BAD_REQUEST', { field: 'assigneeId', detail: '"assigneeId" is not a UUID' });
  return id;
}
