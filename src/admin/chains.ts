import { BrokerError } from '../errors.ts';
import { parseJson } from '../model/json.ts';
import { formatJson, hideSecrets } from '../rules/index.ts';
import { integer, number, optional, text } from '../schema/fields.ts';
import type { AdminDeps } from './deps.ts';
import { defineRoute, type Route, Tagged } from './route.ts';
import { ANY_OBJECT, list, object, pageOf, wholePage } from './wire.ts';

const CHAINS = '/api/gridmoor/chains';
/** What is in force was within limits before. */
const JSON_LIMITS = { maxDepth: 1_000, maxKeys: 1_000_000 } as const;
const string = { type: 'string' } as const;
const whole = { type: 'integer' } as const;
const named = { name: text('Name of the chain.') };

/** Rule chains: what is in force, what they count, and how they are changed while messages run. */
export function chainRoutes(deps: AdminDeps): readonly Route[] {
  return [
    defineRoute({
      method: 'GET',
      url: CHAINS,
      tag: 'chains',
      summary: 'The rule chains in force.',
      role: 'read-only',
      answer: pageOf(object({ name: string, root: { type: 'boolean' }, nodes: whole })),
      async handle() {
        const { chains, root } = deps.generation();
        return wholePage(
          [...chains.values()].map(({ name, nodes }) => ({ name, root: name === root.name, nodes: nodes.size })),
        );
      },
    }),
    defineRoute({
      method: 'GET',
      url: `${CHAINS}/:name/counters`,
      tag: 'chains',
      summary: 'Messages per node and edge since the start of this instance.',
      role: 'read-only',
      params: named,
      answer: object({
        chain: string,
        generation: string,
        nodes: list(
          object({
            node: string,
            kind: string,
            in: whole,
            failed: whole,
            retried: whole,
            deadLettered: whole,
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
      url: `${CHAINS}/:name`,
      tag: 'chains',
      summary:
        'The file of a chain, with an ETag for If-Match; what looks like a secret in it is for administrators alone.',
      role: 'read-only',
      params: named,
      answer: ANY_OBJECT,
      async handle({ params, principal }) {
        const source = await deps.chains.source(params.name);
        if (!source) throw new BrokerError('CHAIN_NOT_FOUND', { field: 'name' });
        const file = parseJson(source.text.replace(/^\ufeff/, ''), JSON_LIMITS);
        if (!file.ok) throw new BrokerError('FILE_INVALID', { detail: file.error.problem });
        return new Tagged(source.etag, principal.role === 'administrator' ? file.value : hideSecrets(file.value));
      },
    }),
    defineRoute({
      method: 'PUT',
      url: `${CHAINS}/:name`,
      tag: 'chains',
      summary:
        "Replaces a chain, or adds one: compiled, linted and tried with the chains' own tests, then written and put in force in one step. With `percent`, that share of the devices tries it first.",
      role: 'administrator',
      params: named,
      query: {
        percent: optional(number('Share of the devices that try the chain first.', { minimum: 0.01, maximum: 100 })),
        maxFailureRatio: number('Share of dead-lettered messages that ends the trial.', {
          default: 0.05,
          minimum: 0,
          maximum: 1,
        }),
        minMessages: integer('Messages of the trial before that share counts.', {
          default: 100,
          minimum: 1,
          maximum: 1_000_000,
        }),
      },
      anyObject: true,
      uniqueKeys: true,
      answer: object({ generation: string, canary: { type: 'boolean' } }),
      async handle({ params, query, json, ifMatch, by }) {
        const { percent, maxFailureRatio, minMessages } = query;
        const canary = percent === undefined ? {} : { canary: { percent, maxFailureRatio, minMessages } };
        return deps.chains.upload({ name: params.name, text: formatJson(json), ifMatch, by, ...canary });
      },
    }),
  ];
}
