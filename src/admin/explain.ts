import type { Explanation } from '../device-api/index.ts';
import { BrokerError } from '../errors.ts';
import { integer, oneOf, optional, text } from '../schema/fields.ts';
import type { AdminDeps } from './deps.ts';
import { deviceOf } from './lookup.ts';
import { defineRoute, type Route } from './route.ts';
import { ANY_OBJECT, NO_CONTENT, object, pageOf, wholePage } from './wire.ts';

const string = { type: 'string' } as const;
const line = {
  id: string,
  at: { type: 'integer' },
  originator: object({ entityType: string, id: string, name: string }),
  type: string,
  generation: string,
  outcome: string,
  why: string,
} as const;

const toLine = ({ id, at, originator, type, generation, outcome, why }: Explanation) => ({
  id,
  at,
  originator,
  type,
  generation,
  outcome,
  why,
});

/** Where the last messages went, and why: `gridmoor explain`. */
export function explainRoutes(deps: AdminDeps): readonly Route[] {
  const { explain } = deps;
  return [
    defineRoute({
      method: 'GET',
      url: '/api/gridmoor/messages',
      tag: 'messages',
      summary: 'The last messages that failed, were traced as one in so many, or were asked for; newest first.',
      role: 'read-only',
      query: {
        device: optional(text('Name or id of a device.')),
        outcome: optional(oneOf('How it ended.', ['processed', 'dead-lettered', 'refused'])),
        limit: integer('Messages at most.', { default: 100, minimum: 1, maximum: 1_000 }),
      },
      answer: pageOf(object(line)),
      async handle({ query: { device, outcome, limit } }) {
        const found = explain
          .list()
          .filter(({ originator }) => device === undefined || originator.id === device || originator.name === device)
          .filter((one) => outcome === undefined || one.outcome === outcome);
        return wholePage(found.slice(0, limit).map(toLine));
      },
    }),
    defineRoute({
      method: 'GET',
      url: '/api/gridmoor/messages/:id/explain',
      tag: 'messages',
      summary: 'Where one message went: nodes, labels, times, errors. Without secrets.',
      role: 'read-only',
      params: { id: text('Id of the message.') },
      answer: ANY_OBJECT,
      async handle({ params }) {
        const found = explain.find(params.id);
        if (found) return found;
        const detail =
          'nothing is known of this message: only failed, sampled and asked-for ones are kept, for a while';
        throw new BrokerError('NOT_FOUND', { field: 'id', detail });
      },
    }),
    defineRoute({
      method: 'POST',
      url: '/api/gridmoor/devices/:id/trace',
      tag: 'messages',
      summary: 'From now on every message of the device is traced, for a while.',
      role: 'operator',
      params: { id: text('Id of the device.') },
      body: {
        seconds: integer('For so long.', { default: 60, minimum: 1, maximum: 3_600 }),
        messages: integer('So many at most.', { default: 100, minimum: 1, maximum: 1_000 }),
      },
      status: 204,
      answer: NO_CONTENT,
      async handle({ params, body }) {
        const device = await deviceOf(params.id, deps);
        if (explain.watch(device.id, body.seconds * 1_000, body.messages)) return undefined;
        throw new BrokerError('RATE_LIMITED', {
          detail: 'too many devices are traced at once: wait until one is done',
        });
      },
    }),
  ];
}
