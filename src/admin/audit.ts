import type { AuditEntry } from '../storage/record-stores.ts';
import type { AdminDeps } from './deps.ts';
import { pageFields } from './lookup.ts';
import { defineRoute, type Route } from './route.ts';
import { ANY_OBJECT, object, pageOf, toPage } from './wire.ts';

const string = { type: 'string' } as const;
/** What the installation remembers of deeds. */
export function auditRoutes({ storage: { audit } }: AdminDeps): readonly Route[] {
  return [
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
