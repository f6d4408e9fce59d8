import { filterCovers, supplierTopics } from '../model/app-topic.ts';
import type { AssetId } from '../model/ids.ts';
import { type Role, readsValues } from '../model/role.ts';
import type { Subtree } from '../model/tree.ts';
import type { AppTopics } from '../storage/record-stores.ts';

const ALL = 'app/#';

export interface RightsOwner {
  readonly role: Role;
  readonly supplierId?: AssetId;
  readonly subtree?: Subtree;
  readonly topics?: Partial<AppTopics>;
}

/**
 * What a key may subscribe and publish to. Without filters of its own: all app topics, or those of its supplier, to read and none
 * to write. A supplier's key never gets out of its supplier's topics, one of a part of a tree has none, since topics are not bound to
 * devices, and one that only reads publishes nothing.
 */
export function rightsOf({ role, supplierId, subtree, topics }: RightsOwner): AppTopics {
  const most = subtree ? undefined : mostOf(role, supplierId);
  const within = (filters: readonly string[]): readonly string[] =>
    most === undefined ? [] : filters.filter((filter) => filterCovers(most, filter));
  return {
    subscribe: within(topics?.subscribe ?? (most === undefined ? [] : [most])),
    publish: role === 'administrator' || role === 'operator' ? within(topics?.publish ?? []) : [],
  };
}

/** The filter that no right of the role reaches beyond; undefined: it has none. */
function mostOf(role: Role, supplierId: AssetId | undefined): string | undefined {
  if (role !== 'supplier') return readsValues(role) ? ALL : undefined;
  return supplierId === undefined ? undefined : supplierTopics(supplierId);
}

/** Whether one of the filters has every topic of this one. */
export const mayHave = (filters: readonly string[], filter: string): boolean =>
  filters.some((right) => filterCovers(right, filter));
