import { BrokerError } from '../errors.ts';
import { optional, text } from '../schema/fields.ts';
import type { AdminDeps } from './deps.ts';
import { defineRoute, type Route } from './route.ts';
import { ANY_OBJECT, NO_CONTENT, object, pageOf, wholePage } from './wire.ts';

const BASE = '/api/gridmoor/chain-generations';
const CANARY = '/api/gridmoor/chain-canary';
const string = { type: 'string' } as const;
const whole = { type: 'integer' } as const;

/** Former generations of the chains, the way back to them, and the candidate under way. */
export function chainHistoryRoutes({ chains, generation }: AdminDeps): readonly Route[] {
  return [
    defineRoute({
      method: 'GET',
      url: BASE,
      tag: 'chains',
      summary: 'The last generations of the chains, newest first.',
      role: 'read-only',
      answer: pageOf(object({ id: string, at: whole, by: string, inForce: { type: 'boolean' } })),
      async handle() {
        const { id } = generation();
        return wholePage((await chains.history()).map((line) => ({ ...line, inForce: line.id === id })));
      },
    }),
    defineRoute({
      method: 'POST',
      url: `${BASE}/rollback`,
      tag: 'chains',
      summary:
        'Puts the files of a former generation back, and in force; work in the folder that none has is set aside.',
      role: 'administrator',
      body: { generation: optional(text('Id of the generation; absent: the one before this.')) },
      answer: object({ generation: string, 'setAside?': string }),
      handle: ({ body, by }) => chains.rollback(body.generation, by),
    }),
    defineRoute({
      method: 'GET',
      url: CANARY,
      tag: 'chains',
      summary: 'The candidate that some devices try, or how the last one ended.',
      role: 'read-only',
      answer: ANY_OBJECT,
      async handle() {
        const { canary } = chains;
        if (canary === undefined) throw new BrokerError('NOT_FOUND', { detail: 'no candidate has been tried' });
        return canary;
      },
    }),
    defineRoute({
      method: 'POST',
      url: `${CANARY}/promote`,
      tag: 'chains',
      summary: 'Gives every device the candidate.',
      role: 'administrator',
      answer: object({ generation: string }),
      handle: async ({ by }) => ({ generation: await chains.promote(by) }),
    }),
    defineRoute({
      method: 'DELETE',
      url: CANARY,
      tag: 'chains',
      summary: 'Ends the trial: every device gets the chains in force.',
      role: 'administrator',
      status: 204,
      answer: NO_CONTENT,
      async handle({ by }) {
        chains.abort(by);
      },
    }),
  ];
}
