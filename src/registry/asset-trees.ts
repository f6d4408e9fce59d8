import { BrokerError } from '../errors.ts';
import type { Clock } from '../model/clock.ts';
import type { NodeRef, Subtree } from '../model/tree.ts';
import type { DocumentChange, DocumentStore, StoredDocument } from '../storage/document-store.ts';
import type { AuditStore } from '../storage/record-stores.ts';

export interface Tree {
  readonly name: string;
  readonly createdAt: number;
}

export interface TreeNode {
  readonly ref: NodeRef;
  /** Absent: it stands at the top. */
  readonly parent?: NodeRef;
}

/** For who may change a part of a tree alone: what is changed must stand below this node when it is, and stay there. */
export interface Bound {
  readonly within?: NodeRef;
}

/**
 * Trees of devices and assets. One entity may stand in many trees, once in each; trees have nothing to do with how a device is
 * provisioned or attached, and what stands in one outlives it.
 */
export interface AssetTrees {
  /** Throws BAD_REQUEST, NAME_TAKEN. */
  create(name: string, by: string): Promise<Tree>;
  list(): Promise<readonly Tree[]>;
  /** Throws NOT_FOUND. What stood in it stays. */
  remove(name: string, by: string): Promise<void>;
  /** Throws NOT_FOUND for the tree or the parent, NAME_TAKEN when the node is in this tree, BAD_REQUEST when it gets too deep. */
  add(tree: string, node: TreeNode, by: string): Promise<void>;
  /** Takes along what is below. Throws NOT_FOUND, and BAD_REQUEST for a place below the node itself. */
  move(tree: string, node: TreeNode & Bound, by: string): Promise<void>;
  /** What is below goes to its parent. Throws NOT_FOUND. */
  take(tree: string, node: { readonly ref: NodeRef } & Bound, by: string): Promise<void>;
  /** Children of a node, or the nodes at the top, ordered by their refs, from behind `after`. */
  children(tree: string, query: { parent?: NodeRef; after?: NodeRef; limit: number }): Promise<readonly NodeRef[]>;
  /** From the top to the node; undefined when it is not in the tree. */
  path(tree: string, ref: NodeRef): Promise<readonly NodeRef[] | undefined>;
  /** Whether it is the root of the subtree or stands below it, now. Nothing is when the root has left its tree. */
  isWithin(subtree: Subtree, ref: NodeRef): Promise<boolean>;
  /** All that is within, from the root down; at most `limit`. Nothing when the root has left its tree. */
  within(subtree: Subtree, limit: number): Promise<readonly NodeRef[]>;
  /** Names of the trees it stands in. */
  treesOf(ref: NodeRef): Promise<readonly string[]>;
  /** The entity is gone: it leaves all its trees. */
  forget(ref: NodeRef): Promise<void>;
}

export interface AssetTreeParts {
  readonly documents: DocumentStore;
  readonly audit: AuditStore;
  readonly clock: Clock;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;
const MAX_TREES = 1_000;
/** Nodes between the top and a place where one may be put. */
const MAX_DEPTH = 64;
const MAX_TRIES = 50;
const PORTION = 100;

const TREE = 'tree';
const NODE = 'tree-node';
/** By parent: `<tree>/<parent or ->/<ref>`. */
const CHILD = 'tree-child';
/** By entity: `<ref>/<tree>`. */
const OF = 'tree-of';

const place = ({ ref, parent }: TreeNode, tree: string): string => `${tree}/${parent ?? '-'}/${ref}`;

export function createAssetTrees({ documents, audit, clock }: AssetTreeParts): AssetTrees {
  /** Changes of one tree in this process, one after the other: only those of others are met as conflicts. */
  const turns = new Map<string, Promise<unknown>>();

  const inTurn = <T>(tree: string, run: () => Promise<T>): Promise<T> => {
    const mine = (turns.get(tree) ?? Promise.resolve()).then(run, run);
    const last = mine.catch(() => undefined);
    turns.set(tree, last);
    void last.then(() => turns.get(tree) === last && turns.delete(tree));
    return mine;
  };

  const note = (action: string, by: string, tree: string, ref?: NodeRef) =>
    audit.append({
      at: clock.now(),
      action,
      by,
      subject: `tree:${tree}`,
      outcome: 'done',
      ...(ref === undefined ? {} : { facts: { node: ref } }),
    });

  const found = async (tree: string): Promise<StoredDocument> => {
    const document = NAME.test(tree) ? await documents.get(TREE, tree, clock.now()) : undefined;
    if (!document) throw new BrokerError('NOT_FOUND', { field: 'tree', detail: 'there is no such tree' });
    return document;
  };

  const nodeAt = async (tree: string, ref: NodeRef): Promise<TreeNode | undefined> => {
    const document = await documents.get(NODE, `${tree}/${ref}`, clock.now());
    return document && { ref, ...(document.text === '' ? {} : { parent: document.text as NodeRef }) };
  };

  const pathOf = async (tree: string, ref: NodeRef): Promise<NodeRef[] | undefined> => {
    const path: NodeRef[] = [];
    for (let at: NodeRef | undefined = ref; at !== undefined; ) {
      const node: TreeNode | undefined = await nodeAt(tree, at);
      if (!node) return path.length === 0 ? undefined : path;
      path.unshift(at);
      at = path.includes(node.parent ?? ref) ? undefined : node.parent;
    }
    return path;
  };

  /** One atomic change of the tree: the tree's own version stands for all that `plan` has read of it. */
  const change = (tree: string, plan: () => Promise<readonly DocumentChange[]>): Promise<void> =>
    inTurn(tree, async () => {
      for (let tries = 0; tries < MAX_TRIES; tries++) {
        const { version, text } = await found(tree);
        const changes = await plan();
        const stamp = { kind: TREE, key: tree, text, expected: version };
        if (await documents.write([stamp, ...changes], clock.now())) return;
      }
      throw new BrokerError('RATE_LIMITED', { field: 'tree', detail: 'others change this tree: try again' });
    });

  const put = (tree: string, node: TreeNode): DocumentChange[] => [
    { kind: NODE, key: `${tree}/${node.ref}`, text: node.parent ?? '' },
    { kind: CHILD, key: place(node, tree), text: '' },
  ];

  const checkBound = async (tree: string, ref: NodeRef, { within }: Bound, field: string): Promise<void> => {
    if (within === undefined || (await pathOf(tree, ref))?.includes(within)) return;
    throw new BrokerError('NOT_FOUND', { field, detail: 'it is not in your part of this tree' });
  };

  /** Nobody moves or takes the node that bounds them. */
  const checkChanged = async (tree: string, former: TreeNode, bound: Bound): Promise<void> => {
    if (former.ref !== bound.within) return checkBound(tree, former.ref, bound, 'entity');
    throw new BrokerError('FORBIDDEN', { field: 'entity', detail: 'the top of your part of the tree stays' });
  };

  const checkPlace = async (tree: string, { ref, parent }: TreeNode): Promise<void> => {
    if (parent === undefined) return;
    const path = await pathOf(tree, parent);
    if (!path) throw new BrokerError('NOT_FOUND', { field: 'parent', detail: 'the parent is not in this tree' });
    if (path.includes(ref)) {
      throw new BrokerError('BAD_REQUEST', { field: 'parent', detail: 'a node cannot stand below itself' });
    }
    if (path.length < MAX_DEPTH) return;
    throw new BrokerError('BAD_REQUEST', { field: 'parent', detail: `a tree is at most ${MAX_DEPTH} nodes deep` });
  };

  const childrenOf = async (
    tree: string,
    { parent, after, limit }: { parent?: NodeRef; after?: NodeRef; limit: number },
  ): Promise<NodeRef[]> => {
    const prefix = `${tree}/${parent ?? '-'}/`;
    const refs: NodeRef[] = [];
    let behind = after === undefined ? undefined : `${prefix}${after}`;
    while (refs.length < limit) {
      const query = { prefix, limit: limit - refs.length, now: clock.now() };
      const page = await documents.list(CHILD, { ...query, ...(behind === undefined ? {} : { after: behind }) });
      const last = page.at(-1);
      if (!last) break;
      for (const { key } of page) refs.push(key.slice(prefix.length) as NodeRef);
      behind = last.key;
    }
    return refs;
  };

  /** In portions: each leaves a whole tree, the last one without the node. */
  const take = async (tree: string, ref: NodeRef, bound: Bound = {}): Promise<void> => {
    for (let left = true; left; ) {
      await change(tree, async () => {
        const node = await nodeAt(tree, ref);
        if (!node) throw new BrokerError('NOT_FOUND', { field: 'entity', detail: 'it is not in this tree' });
        await checkChanged(tree, node, bound);
        const below = await childrenOf(tree, { parent: ref, limit: PORTION + 1 });
        left = below.length > PORTION;
        const up = node.parent === undefined ? {} : { parent: node.parent };
        const moves = below
          .slice(0, PORTION)
          .flatMap((child): DocumentChange[] => [
            { kind: CHILD, key: place({ ref: child, parent: ref }, tree) },
            ...put(tree, { ref: child, ...up }),
          ]);
        const removal: readonly DocumentChange[] = [
          { kind: NODE, key: `${tree}/${ref}` },
          { kind: CHILD, key: place(node, tree) },
          { kind: OF, key: `${ref}/${tree}` },
        ];
        return left ? moves : [...moves, ...removal];
      });
    }
  };

  const treesOf = async (ref: NodeRef): Promise<string[]> => {
    const prefix = `${ref}/`;
    const held = await documents.list(OF, { prefix, limit: MAX_TREES, now: clock.now() });
    return held.map(({ key }) => key.slice(prefix.length));
  };

  return {
    async create(name, by) {
      if (!NAME.test(name)) {
        const detail = 'must be 1 to 64 letters, digits, "_", "." or "-", the first a letter or digit';
        throw new BrokerError('BAD_REQUEST', { field: 'name', detail });
      }
      const now = clock.now();
      if ((await documents.count(TREE)) >= MAX_TREES) {
        throw new BrokerError('BAD_REQUEST', { field: 'name', detail: `there are ${MAX_TREES} trees already` });
      }
      const text = JSON.stringify({ createdAt: now });
      if (!(await documents.write([{ kind: TREE, key: name, text, expected: 0 }], now))) {
        throw new BrokerError('NAME_TAKEN', { field: 'name' });
      }
      await note('tree.create', by, name);
      return { name, createdAt: now };
    },

    async list() {
      const held = await documents.list(TREE, { limit: MAX_TREES, now: clock.now() });
      return held.map(({ key, text }) => ({ name: key, ...(JSON.parse(text) as { createdAt: number }) }));
    },

    async remove(name, by) {
      await inTurn(name, async () => {
        for (;;) {
          const { version } = await found(name);
          const nodes = await documents.list(NODE, { prefix: `${name}/`, limit: PORTION, now: clock.now() });
          const gone = nodes.flatMap(({ key, text }): DocumentChange[] => {
            const ref = key.slice(name.length + 1) as NodeRef;
            const node = { ref, ...(text === '' ? {} : { parent: text as NodeRef }) };
            return [
              { kind: NODE, key },
              { kind: CHILD, key: place(node, name) },
              { kind: OF, key: `${ref}/${name}` },
            ];
          });
          // In portions: until the last one the tree stands, and who is interrupted removes it again.
          const last = nodes.length === 0 ? [{ kind: TREE, key: name, expected: version }] : [];
          if ((await documents.write([...gone, ...last], clock.now())) && nodes.length === 0) return;
        }
      });
      await note('tree.delete', by, name);
    },

    async add(tree, node, by) {
      await change(tree, async () => {
        if (await nodeAt(tree, node.ref)) {
          throw new BrokerError('NAME_TAKEN', { field: 'entity', detail: 'it stands in this tree already' });
        }
        await checkPlace(tree, node);
        return [...put(tree, node), { kind: OF, key: `${node.ref}/${tree}`, text: '' }];
      });
      await note('tree.add', by, tree, node.ref);
    },

    async move(tree, node, by) {
      await change(tree, async () => {
        const former = await nodeAt(tree, node.ref);
        if (!former) throw new BrokerError('NOT_FOUND', { field: 'entity', detail: 'it is not in this tree' });
        await checkChanged(tree, former, node);
        if (node.within !== undefined && node.parent === undefined) {
          throw new BrokerError('FORBIDDEN', { field: 'parent', detail: 'the top of this tree is not yours' });
        }
        if (node.parent !== undefined) await checkBound(tree, node.parent, node, 'parent');
        await checkPlace(tree, node);
        return [{ kind: CHILD, key: place(former, tree) }, ...put(tree, node)];
      });
      await note('tree.move', by, tree, node.ref);
    },

    async take(tree, { ref, ...bound }, by) {
      await take(tree, ref, bound);
      await note('tree.take', by, tree, ref);
    },

    async children(tree, query) {
      await found(tree);
      return childrenOf(tree, query);
    },

    async path(tree, ref) {
      await found(tree);
      return pathOf(tree, ref);
    },

    async isWithin({ tree, root }, ref) {
      return (await pathOf(tree, ref))?.includes(root) ?? false;
    },

    async within({ tree, root }, limit) {
      const refs: NodeRef[] = (await nodeAt(tree, root)) ? [root] : [];
      for (let at = 0; at < refs.length && refs.length < limit; at++) {
        refs.push(...(await childrenOf(tree, { parent: refs[at] as NodeRef, limit: limit - refs.length })));
      }
      return refs;
    },

    treesOf,

    async forget(ref) {
      for (const tree of await treesOf(ref)) await take(tree, ref);
    },
  };
}
