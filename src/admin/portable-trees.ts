import { BrokerError } from '../errors.ts';
import { newAssetId } from '../model/ids.ts';
import type { NodeRow } from '../model/portable.ts';
import type { NodeRef, Subtree } from '../model/tree.ts';
import type { AdminDeps } from './deps.ts';
import { type ImportOptions, portableName, type RowOutcome } from './portable-rows.ts';
import { refOf } from './trees.ts';

export const MAX_NODES = 10_000;
const NAMED_ASSET = /^ASSET:([^/]+)\/(.+)$/s;

/** Trees as rows, out and in again: parents stand before what stands under them. */
export function createPortableTrees(deps: AdminDeps) {
  const { storage, trees, clock } = deps;

  /** Undefined: an asset that is to be made. Throws BAD_REQUEST, DEVICE_NOT_FOUND, NOT_FOUND. */
  const foundRef = async (entity: string): Promise<NodeRef | undefined> => {
    const [, type, name] = NAMED_ASSET.exec(entity) ?? [];
    if (type === undefined || name === undefined) return refOf(entity, 'entity', deps);
    const asset = await storage.assets.assetByName(type, name);
    return asset && `ASSET:${asset.id}`;
  };

  const madeRef = async (entity: string): Promise<NodeRef> => {
    const [, type = '', name = ''] = NAMED_ASSET.exec(entity) ?? [];
    const now = clock.now();
    const { asset } = await storage.assets.ensureAsset({ id: newAssetId(now), type, name, createdAt: now });
    return `ASSET:${asset.id}`;
  };

  return {
    /** @param subtree the part of the tree that is asked for; absent: all of it. */
    async rowsOf(tree: string, subtree?: Subtree): Promise<readonly NodeRow[]> {
      const rows: NodeRow[] = [];
      const open: { ref?: NodeRef; parent?: string }[] = subtree ? [] : [{}];
      if (subtree && (await trees.isWithin(subtree, subtree.root))) {
        const entity = await portableName(subtree.root, deps);
        rows.push({ entity });
        open.push({ ref: subtree.root, parent: entity });
      }
      for (let next = open.shift(); next; next = open.shift()) {
        const { ref, parent } = next;
        const limit = MAX_NODES + 1 - rows.length;
        const below = await trees.children(tree, { limit, ...(ref === undefined ? {} : { parent: ref }) });
        const named: { at: NodeRef; entity: string }[] = [];
        for (const at of below) named.push({ at, entity: await portableName(at, deps) });
        // By name: the same tree gives the same rows, wherever it stands.
        for (const { at, entity } of named.sort((a, b) => (a.entity < b.entity ? -1 : 1))) {
          rows.push({ entity, ...(parent === undefined ? {} : { parent }) });
          open.push({ ref: at, parent: entity });
        }
        if (rows.length > MAX_NODES) {
          throw new BrokerError('BAD_REQUEST', { field: 'tree', detail: `the tree has more than ${MAX_NODES} nodes` });
        }
      }
      return rows;
    },

    /** Takes the rows of one import, one after the other. Throws BAD_REQUEST for the name of the tree. */
    async intake(
      tree: string,
      { existing, dryRun, by }: ImportOptions,
    ): Promise<(row: NodeRow) => Promise<RowOutcome>> {
      const isThere = (await trees.list()).some((one) => one.name === tree);
      if (!isThere && !dryRun) await trees.create(tree, by);
      const pathOf = async (ref: NodeRef | undefined) =>
        ref && (isThere || !dryRun) ? trees.path(tree, ref) : undefined;
      /** What a dry run would have placed by now. */
      const placed = new Set<string>();

      return async ({ entity, parent }) => {
        const ref = await foundRef(entity);
        const path = await pathOf(ref);
        const ahead = parent !== undefined && placed.has(parent);
        const under = parent === undefined || ahead ? undefined : await refOf(parent, 'parent', deps);
        const same = path !== undefined && !ahead && path.at(-2) === under;
        if (path && (existing === 'refuse' || (existing === 'complete' && !same))) {
          const detail = `it stands in this tree already${same ? '' : ', and elsewhere: "update" moves it'}`;
          throw new BrokerError('NAME_TAKEN', { field: same ? 'entity' : 'parent', detail });
        }
        if (same) return 'known';
        const outcome = path ? 'changed' : 'created';
        if (dryRun) {
          if (under !== undefined && !(await pathOf(under))) {
            throw new BrokerError('NOT_FOUND', { field: 'parent', detail: 'the parent is not in this tree' });
          }
          placed.add(entity);
          return outcome;
        }
        const node = { ref: ref ?? (await madeRef(entity)), ...(under === undefined ? {} : { parent: under }) };
        await (path ? trees.move(tree, node, by) : trees.add(tree, node, by));
        return outcome;
      };
    },
  };
}
