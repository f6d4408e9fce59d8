import { BrokerError } from '../errors.ts';
import { TENANT } from '../model/entity.ts';
import { chainIdOf } from '../model/ids.ts';
import type { ChainGraph } from '../rules/index.ts';
import { optional, text } from '../schema/fields.ts';
import type { AdminDeps } from './deps.ts';
import { idParam, pageFields, uuidOf } from './lookup.ts';
import { defineRoute, type Route } from './route.ts';
import { ANY_OBJECT, countedPageOf, object, toCountedPage } from './wire.ts';

const string = { type: 'string' } as const;
const CHAIN = object({
  id: object({ entityType: string, id: string }),
  createdTime: { type: 'integer' },
  name: string,
  type: string,
  root: { type: 'boolean' },
  additionalInfo: ANY_OBJECT,
});
const common = { tag: 'chains', role: 'read-only', lenient: true } as const;

/** Rule chains on ThingsBoard's paths, read only: they are files. Ids are those of their exports, else follow from the name. */
export function ruleChainRoutes({ generation }: AdminDeps): readonly Route[] {
  const all = (): readonly ChainGraph[] => [...generation().graphs.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  return [
    defineRoute({
      ...common,
      method: 'GET',
      url: '/api/ruleChains',
      summary: 'A page of rule chains by name.',
      query: { textSearch: optional(text('Part of the name, in any case.')), ...pageFields },
      answer: countedPageOf(CHAIN),
      async handle({ query }) {
        const part = (query.textSearch ?? '').toLowerCase();
        const found = all().filter(({ name }) => name.toLowerCase().includes(part));
        const from = query.page * query.pageSize;
        const to = from + query.pageSize;
        const page = { data: found.slice(from, to), totalElements: found.length, hasNext: to < found.length };
        return toCountedPage(page, query.pageSize, toChain);
      },
    }),
    defineRoute({
      ...common,
      method: 'GET',
      url: '/api/ruleChain/:id',
      summary: 'One rule chain.',
      params: idParam,
      answer: CHAIN,
      async handle({ params }) {
        const id = uuidOf(params.id);
        const found = all().find((chain) => idOf(chain) === id);
        if (!found) throw new BrokerError('NOT_FOUND', { field: 'id' });
        return toChain(found);
      },
    }),
  ];
}

const idOf = ({ name, thingsboard }: ChainGraph): string => thingsboard?.id?.toLowerCase() ?? chainIdOf(name);

const toChain = (chain: ChainGraph) => ({
  id: { entityType: 'RULE_CHAIN', id: idOf(chain) },
  createdTime: 0,
  tenantId: TENANT,
  name: chain.name,
  type: 'CORE',
  firstRuleNodeId: null,
  root: chain.root,
  debugMode: false,
  additionalInfo: chain.description === undefined ? null : { description: chain.description },
});
