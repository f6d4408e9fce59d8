import { BrokerError } from '../errors.ts';
import { text } from '../schema/fields.ts';
import type { AdminDeps } from './deps.ts';
import { defineRoute, type Route } from './route.ts';
import { list, object } from './wire.ts';

const string = { type: 'string' } as const;
const whole = { type: 'integer' } as const;
const LINE = object({
  id: string,
  run: string,
  version: string,
  startedAt: whole,
  addresses: { type: 'object', additionalProperties: string },
  sessions: whole,
  state: { enum: ['live', 'draining', 'gone'] },
  silentMs: whole,
});
const tag = 'operations';
const URL = '/api/gridmoor/brokers';

export function brokerRoutes({ brokers, storage, clock }: AdminDeps): readonly Route[] {
  return [
    defineRoute({
      method: 'GET',
      url: URL,
      tag,
      summary: 'The brokers that share this store.',
      role: 'read-only',
      answer: object({ data: list(LINE) }),
      handle: async () => ({ data: await brokers.list() }),
    }),
    defineRoute({
      method: 'POST',
      url: `${URL}/:id/drain`,
      tag,
      summary:
        'The broker is not ready from now on, takes no more devices and tells its own to move; it runs until it is stopped.',
      role: 'administrator',
      params: { id: text('Its instance id, or its run.') },
      answer: LINE,
      async handle({ params: { id }, by }) {
        const told = await brokers.drain(id);
        if (!told) throw new BrokerError('NOT_FOUND', { field: 'id', detail: `no broker "${id}" is live` });
        const subject = `broker:${told.id}`;
        await storage.audit.append({ at: clock.now(), action: 'broker.drain', by, subject, outcome: 'told' });
        return told;
      },
    }),
  ];
}
