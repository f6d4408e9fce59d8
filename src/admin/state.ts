import { formatIssue } from '../schema/issue.ts';
import type { AdminDeps } from './deps.ts';
import { defineRoute, type Route } from './route.ts';
import { ANY_OBJECT, list, object } from './wire.ts';

const string = { type: 'string' } as const;
const integer = { type: 'integer' } as const;

/** The instance's own state. */
export function stateRoutes(deps: AdminDeps): readonly Route[] {
  return [
    defineRoute({
      method: 'GET',
      url: '/api/gridmoor/status',
      tag: 'status',
      summary: 'This instance: version, files in force, connections, messages.',
      role: 'read-only',
      answer: object({
        instance: object({ id: string, version: string, node: string }),
        generation: string,
        warnings: list(string),
        store: object({ kind: string, ok: { type: 'boolean' }, pendingWrites: integer, 'problem?': string }),
        connected: integer,
        messages: object({ received: integer, inFlight: integer, outcomes: ANY_OBJECT }),
        refusals: ANY_OBJECT,
        provisioned: ANY_OBJECT,
      }),
      async handle() {
        const { counters, storage, instance } = deps;
        const generation = deps.generation();
        const { troubledAt: _, ...health } = storage.health();
        const { received, inFlight, outcomes } = counters;
        return {
          instance: { id: instance.id, version: instance.version, node: process.version },
          generation: generation.id,
          warnings: generation.warnings.map(formatIssue),
          store: { kind: storage.kind, ...health },
          connected: deps.deviceApi.connected,
          messages: { received, inFlight, outcomes: { ...outcomes } },
          refusals: Object.fromEntries(counters.refusals),
          provisioned: Object.fromEntries(counters.provisioned),
        };
      },
    }),
  ];
}
