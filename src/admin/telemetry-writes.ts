import { BrokerError } from '../errors.ts';
import { ENTITY_TYPES, type EntityType } from '../model/entity.ts';
import { flag, integer, optional, text } from '../schema/fields.ts';
import { decodeTelemetry } from '../telemetry/payload.ts';
import type { AdminDeps } from './deps.ts';
import { dataOwnerOf, idParam } from './lookup.ts';
import { defineRoute, type Route } from './route.ts';
import { keyList, MAX_TS, rangeOf } from './telemetry.ts';
import { NO_CONTENT } from './wire.ts';

const tag = 'telemetry';
const MAX_SAMPLES = 10_000;

/** Series of any entity, written and deleted under ThingsBoard's paths. Chains do not see these: they are for devices' own messages. */
export const telemetryWriteRoutes = (deps: AdminDeps): readonly Route[] =>
  ENTITY_TYPES.flatMap((type) => writeRoutes(type, deps));

function writeRoutes(type: EntityType, deps: AdminDeps): readonly Route[] {
  const { clock, storage } = deps;
  const url = `/api/plugins/telemetry/${type}/:id/timeseries`;
  const audit = (action: string, id: string, by: string, facts: Readonly<Record<string, number>>) =>
    storage.audit.append({
      at: clock.now(),
      action,
      by,
      subject: `${type.toLowerCase()}:${id}`,
      outcome: 'done',
      facts,
    });
  return [
    defineRoute({
      method: 'POST',
      url: `${url}/:scope`,
      tag,
      summary:
        'Stores telemetry in the shapes that devices send; 200 once it is durable. Rule chains hear of it as TIMESERIES_UPDATED.',
      role: 'operator',
      lenient: true,
      params: { ...idParam, scope: text('Any word: ThingsBoard ignores it, too.') },
      anyJson: true,
      answer: NO_CONTENT,
      async handle({ params, json, by }) {
        const { id, device, originator } = await dataOwnerOf(type, params.id, deps);
        const typeCast = (device && deps.profiles().byName(device.profile)?.typeCast) ?? false;
        const decoded = decodeTelemetry(json, { now: clock.now(), typeCast });
        if (!decoded.ok) throw new BrokerError('BAD_REQUEST', { detail: decoded.problem });
        const samples = decoded.value;
        if (samples.length > MAX_SAMPLES) {
          throw new BrokerError('BAD_REQUEST', { detail: `more than ${MAX_SAMPLES} samples at once` });
        }
        await Promise.all(samples.map(({ ts, values }) => storage.telemetry.save({ entityId: id, ts, values })));
        const timeseries = samples.map(({ ts, values }) => ({ ts, values }));
        deps.raise({ type: 'TIMESERIES_UPDATED', originator, data: { timeseries }, metadata: {} });
        await audit('telemetry.save', id, by, { samples: samples.length });
      },
    }),
    defineRoute({
      method: 'DELETE',
      url: `${url}/delete`,
      tag,
      summary: 'Deletes the history of keys in a time range, or all of it, with their latest values.',
      role: 'operator',
      lenient: true,
      params: idParam,
      query: {
        keys: text('Comma-separated.', { minLength: 1 }),
        deleteAllDataForKeys: flag('Everything of the keys, whatever the range.', { default: false }),
        startTs: optional(integer('From, ms, inclusive.', { minimum: -MAX_TS, maximum: MAX_TS })),
        endTs: optional(integer('To, ms, exclusive.', { minimum: -MAX_TS, maximum: MAX_TS })),
        deleteLatest: flag('Latest values go, too, when their time is in the range.', { default: true }),
        rewriteLatestIfDeleted: flag('The newest value that is left takes the place of a deleted latest one.', {
          default: false,
        }),
      },
      answer: NO_CONTENT,
      async handle({ params, query, by }) {
        const { id, originator } = await dataOwnerOf(type, params.id, deps);
        const keys = keyList(query.keys) ?? [];
        const range = query.deleteAllDataForKeys ? { startTs: -MAX_TS, endTs: MAX_TS } : rangeOf(query);
        if (!range) {
          const detail = 'give startTs and endTs, or deleteAllDataForKeys=true';
          throw new BrokerError('BAD_REQUEST', { field: 'startTs', detail });
        }
        const dropped = query.rewriteLatestIfDeleted ? 'rewrite' : 'drop';
        await storage.telemetry.remove({ entityId: id, keys, ...range, latest: query.deleteLatest ? dropped : 'keep' });
        const data = { timeseries: [...keys], ...range };
        deps.raise({ type: 'TIMESERIES_DELETED', originator, data, metadata: {} });
        await audit('telemetry.delete', id, by, { keys: keys.length });
      },
    }),
  ];
}
