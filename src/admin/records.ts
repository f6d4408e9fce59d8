import { BrokerError } from '../errors.ts';
import { text } from '../schema/fields.ts';
import type { AuditEntry, DeadLetter } from '../storage/record-stores.ts';
import type { AdminDeps } from './deps.ts';
import { pageFields } from './lookup.ts';
import { defineRoute, type Route } from './route.ts';
import { ANY_OBJECT, NO_CONTENT, object, pageOf, toPage } from './wire.ts';

const LETTERS = '/api/gridmoor/dead-letters';
const string = { type: 'string' } as const;
const letter = {
  id: string,
  at: { type: 'integer' },
  device: object({ id: string, name: string }),
  chain: string,
  node: string,
  reason: string,
  msgType: string,
} as const;

const toLetterLine = ({ id, at, deviceId, deviceName, chain, node, reason, msgType }: DeadLetter) => ({
  id,
  at,
  device: { id: deviceId, name: deviceName },
  chain,
  node,
  reason,
  msgType,
});

/** What the installation remembers of failed messages and of deeds: dead letters and audit. */
export function recordRoutes({ storage: { deadLetters, audit } }: AdminDeps): readonly Route[] {
  const id = { id: text('Id of the dead letter.') };
  return [
    defineRoute({
      method: 'GET',
      url: LETTERS,
      tag: 'dead letters',
      summary: 'Messages that a chain could not finish, newest first, without their data.',
      role: 'read-only',
      query: pageFields,
      answer: pageOf(object(letter)),
      handle: async ({ query }) => toPage(await deadLetters.list(query), toLetterLine),
    }),
    defineRoute({
      method: 'GET',
      url: `${LETTERS}/:id`,
      tag: 'dead letters',
      summary: 'One dead letter with metadata and data; secrets were never in it.',
      role: 'read-only',
      params: id,
      answer: object({ ...letter, metadata: ANY_OBJECT, data: {} }),
      async handle({ params }) {
        const found = await deadLetters.get(params.id);
        if (!found) throw new BrokerError('NOT_FOUND', { field: 'id' });
        return { ...toLetterLine(found), metadata: found.metadata, data: found.data };
      },
    }),
    defineRoute({
      method: 'DELETE',
      url: `${LETTERS}/:id`,
      tag: 'dead letters',
      summary: 'Forgets a dead letter.',
      role: 'operator',
      params: id,
      status: 204,
      answer: NO_CONTENT,
      async handle({ params }) {
        if (!(await deadLetters.remove(params.id))) throw new BrokerError('NOT_FOUND', { field: 'id' });
      },
    }),
    defineRoute({
      method: 'GET',
      url: '/api/gridmoor/audit',
      tag: 'audit',
      summary: 'Who did what to what, newest first.',
      role: 'operator',
      query: pageFields,
      answer: pageOf(
        object({
          at: { type: 'integer' },
          action: string,
          by: string,
          subject: string,
          outcome: string,
          'facts?': ANY_OBJECT,
        }),
      ),
      handle: async ({ query }) => toPage(await audit.list(query), (entry: AuditEntry) => ({ ...entry })),
    }),
  ];
}
