import { TENANT_ORIGINATOR } from '../device-api/index.ts';
import { BrokerError } from '../errors.ts';
import { ENTITY_TYPES } from '../model/entity.ts';
import type { JsonObject } from '../model/json.ts';
import type { Originator } from '../model/msg.ts';
import { integer, oneOf, text } from '../schema/fields.ts';
import type { AdminDeps } from './deps.ts';
import { dataOwnerOf } from './lookup.ts';
import { defineRoute, type Route } from './route.ts';

const URL = '/api/rule-engine';
const DEFAULT_TIMEOUT_MS = 10_000;
const MAX_TIMEOUT_MS = 600_000;

const entity = {
  entityType: oneOf('Type of the originator.', ENTITY_TYPES),
  entityId: text('UUID of the originator.'),
};
const timeout = {
  timeout: integer('Time for the answer, ms.', { minimum: 1, maximum: MAX_TIMEOUT_MS }),
};
const queue = { queue: text('Name of a queue; there is one for all, so that it says nothing here.') };

/** Messages of back ends for the chains, on ThingsBoard's paths; `rest/reply` answers them. */
export function ruleEngineRoutes(deps: AdminDeps): readonly Route[] {
  const push = async (originator: Originator, data: JsonObject, timeoutMs = DEFAULT_TIMEOUT_MS) => {
    const outcome = await deps.restRequests.push({ originator, data, timeoutMs });
    switch (outcome.kind) {
      case 'answered':
        return outcome.body;
      case 'timeout':
        throw new BrokerError('REST_TIMEOUT');
      case 'busy':
        throw new BrokerError('QUEUE_FULL', { detail: 'too many requests to the chains wait' });
      case 'failed':
        throw new BrokerError('STORE_UNAVAILABLE');
      case 'shutting-down':
        throw new BrokerError('SHUTTING_DOWN');
    }
  };
  const originatorOf = async ({ entityType, entityId }: { entityType: Originator['entityType']; entityId: string }) =>
    (await dataOwnerOf(entityType, entityId, deps)).originator;

  const common = {
    method: 'POST',
    tag: 'rule engine',
    role: 'operator',
    lenient: true,
    anyObject: true,
    answer: { description: 'The body of the message that reached a node `rest/reply`.' },
  } as const;
  return [
    ...[URL, `${URL}/`].map((url) =>
      defineRoute({
        ...common,
        url,
        summary: 'Runs the body through the chains as REST_API_REQUEST of the tenant, and answers what they answer.',
        handle: ({ json }) => push(TENANT_ORIGINATOR, json as JsonObject),
      }),
    ),
    defineRoute({
      ...common,
      url: `${URL}/:entityType/:entityId`,
      summary: 'The same, as a message of this entity.',
      params: entity,
      handle: async ({ params, json }) => push(await originatorOf(params), json as JsonObject),
    }),
    defineRoute({
      ...common,
      url: `${URL}/:entityType/:entityId/:timeout`,
      summary: 'The same, with a time for the answer.',
      params: { ...entity, ...timeout },
      handle: async ({ params, json }) => push(await originatorOf(params), json as JsonObject, params.timeout),
    }),
    defineRoute({
      ...common,
      url: `${URL}/:entityType/:entityId/:queue/:timeout`,
      summary: 'The same, with the name of a queue.',
      params: { ...entity, ...queue, ...timeout },
      handle: async ({ params, json }) => push(await originatorOf(params), json as JsonObject, params.timeout),
    }),
  ];
}
