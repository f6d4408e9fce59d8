import { BrokerError } from '../errors.ts';
import { text } from '../schema/fields.ts';
import { formatIssue } from '../schema/issue.ts';
import type { AdminDeps } from './deps.ts';
import { defineRoute, type Route } from './route.ts';
import { ANY_OBJECT, list, object, pageOf, wholePage } from './wire.ts';

const string = { type: 'string' } as const;
const integer = { type: 'integer' } as const;

/** What runs: chains with their counters, and the instance's own state. */
export function stateRoutes(deps: AdminDeps): readonly Route[] {
  return [
    defineRoute({
      method: 'GET',
      url: '/api/gridmoor/chains',
      tag: 'chains',
      summary: 'The rule chains in force.',
      role: 'read-only',
      answer: pageOf(object({ name: string, root: { type: 'boolean' }, nodes: integer })),
      async handle() {
        const { chains, root } = deps.generation();
        return wholePage(
          [...chains.values()].map(({ name, nodes }) => ({ name, root: name === root.name, nodes: nodes.size })),
        );
      },
    }),
    defineRoute({
      method: 'GET',
      url: '/api/gridmoor/chains/:name/counters',
      tag: 'chains',
      summary: 'Messages per node and edge since the start of this instance.',
      role: 'read-only',
      params: { name: text('Name of the chain.') },
      answer: object({
        chain: string,
        generation: string,
        nodes: list(
          object({
            node: string,
            kind: string,
            in: integer,
            failed: integer,
            retried: integer,
            deadLettered: integer,
            edges: ANY_OBJECT,
          }),
        ),
      }),
      async handle({ params }) {
        const generation = deps.generation();
        if (!generation.chains.has(params.name)) throw new BrokerError('CHAIN_NOT_FOUND', { field: 'name' });
        const lines = generation.counters().filter(({ chain }) => chain === params.name);
        return {
          chain: params.name,
          generation: generation.id,
          nodes: lines.map(({ chain: _, ...line }) => line),
        };
      },
    }),
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
        const { received, inFlight, outcomes } = counters;
        return {
          instance: { id: instance.id, version: instance.version, node: process.version },
          generation: generation.id,
          warnings: generation.warnings.map(formatIssue),
          store: { kind: storage.kind, ...storage.health() },
          connected: deps.deviceApi.connected,
          messages: { received, inFlight, outcomes: { ...outcomes } },
          refusals: Object.fromEntries(counters.refusals),
          provisioned: Object.fromEntries(counters.provisioned),
        };
      },
    }),
  ];
}
