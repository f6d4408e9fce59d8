import { BrokerError } from '../errors.ts';
import { parseAssetId } from '../model/ids.ts';
import type { NodeRef, Subtree } from '../model/tree.ts';
import type { Principal } from '../registry/api-keys.ts';
import type { TreeNode } from '../registry/asset-trees.ts';
import { integer, optional, text } from '../schema/fields.ts';
import type { AdminDeps } from './deps.ts';
import { findDevice, MAX_PAGE_SIZE } from './lookup.ts';
import { defineRoute, type Route } from './route.ts';
import { list, NO_CONTENT, object } from './wire.ts';

const tag = 'asset trees';
const URL = '/api/gridmoor/trees';
const string = { type: 'string' } as const;
const TREE = object({ name: string, createdAt: { type: 'integer' } });
const NODE = object({ entity: string, 'name?': string, 'type?': string });
const ENTITY = 'DEVICE:<id or name>, ASSET:<id> or ASSET:<type>/<name>.';
const treeParam = { tree: text('Name of the tree.') };
const nodeParams = { ...treeParam, entity: text(ENTITY) };

type TreeDeps = Pick<AdminDeps, 'registry' | 'storage'>;

/** The device or asset that a request names. Throws BAD_REQUEST, DEVICE_NOT_FOUND, NOT_FOUND. */
export async function refOf(given: string, field: string, deps: TreeDeps): Promise<NodeRef> {
  const [, kind, ref = ''] = /^(DEVICE|ASSET):(.+)$/s.exec(given) ?? [];
  if (kind === 'DEVICE') {
    const device = await findDevice(ref, deps);
    if (!device) throw new BrokerError('DEVICE_NOT_FOUND', { field });
    return `DEVICE:${device.id}`;
  }
  if (kind === undefined) throw new BrokerError('BAD_REQUEST', { field, detail: `must be ${ENTITY}` });
  const id = parseAssetId(ref);
  const at = ref.indexOf('/');
  const { assets } = deps.storage;
  const asset = id
    ? await assets.asset(id)
    : await assets.assetByName(ref.slice(0, Math.max(at, 0)), ref.slice(at + 1));
  if (!asset) throw new BrokerError('NOT_FOUND', { field, detail: 'there is no such asset' });
  return `ASSET:${asset.id}`;
}

/** The part of a tree that a request names, if it names one: `<tree>/<node>`. Throws BAD_REQUEST, NOT_FOUND, DEVICE_NOT_FOUND. */
export async function subtreeOf(
  given: string | undefined,
  deps: TreeDeps & Pick<AdminDeps, 'trees'>,
): Promise<{ readonly subtree?: Subtree }> {
  if (given === undefined) return {};
  const field = 'subtree';
  const at = given.indexOf('/');
  const tree = given.slice(0, Math.max(at, 0));
  if (tree === '') throw new BrokerError('BAD_REQUEST', { field, detail: `must be <tree>/${ENTITY}` });
  const root = await refOf(given.slice(at + 1), field, deps);
  if (await deps.trees.path(tree, root)) return { subtree: { tree, root } };
  throw new BrokerError('NOT_FOUND', { field, detail: 'it is not in this tree' });
}

/** Throws NOT_FOUND for a tree that is not the one whose part the principal is kept to. */
export function checkTree({ subtree }: Principal, tree: string): void {
  if (subtree === undefined || subtree.tree === tree) return;
  throw new BrokerError('NOT_FOUND', { field: 'tree', detail: 'there is no such tree' });
}

/** A node with the name of what stands there; without one, that is gone. */
export async function shown(ref: NodeRef, { registry, storage }: TreeDeps) {
  const id = ref.slice(ref.indexOf(':') + 1);
  if (ref.startsWith('DEVICE:')) {
    const device = await findDevice(id, { registry });
    return { entity: ref, ...(device ? { name: device.name, type: device.profile } : {}) };
  }
  const assetId = parseAssetId(id);
  const asset = assetId && (await storage.assets.asset(assetId));
  return { entity: ref, ...(asset ? { name: asset.name, type: asset.type } : {}) };
}

/** Trees of devices and assets. */
export function treeRoutes(deps: AdminDeps): readonly Route[] {
  const { trees } = deps;
  const nodeOf = async (entity: string, parent: string | undefined): Promise<TreeNode> => {
    const ref = await refOf(entity, 'entity', deps);
    return parent === undefined ? { ref } : { ref, parent: await refOf(parent, 'parent', deps) };
  };
  const parentField = { parent: optional(text(`What it stands under: ${ENTITY} Absent: at the top.`)) };
  const refParam = (entity: string) => refOf(entity, 'entity', deps);
  const boundOf = ({ subtree }: Principal) => (subtree ? { within: subtree.root } : {});
  const visible = async ({ subtree }: Principal, ref: NodeRef, field: string): Promise<NodeRef> => {
    if (subtree === undefined || (await trees.isWithin(subtree, ref))) return ref;
    throw new BrokerError('NOT_FOUND', { field, detail: 'it is not in your part of this tree' });
  };
  return [
    defineRoute({
      method: 'GET',
      url: URL,
      tag,
      summary: 'The trees, by name.',
      role: 'read-only',
      answer: object({ data: list(TREE) }),
      async handle({ principal: { subtree } }) {
        const all = await trees.list();
        return { data: subtree ? all.filter(({ name }) => name === subtree.tree) : all };
      },
    }),
    defineRoute({
      method: 'POST',
      url: URL,
      tag,
      summary: 'Creates a tree.',
      role: 'operator',
      body: { name: text('Letters, digits, "_", "." and "-".') },
      status: 201,
      answer: TREE,
      handle: ({ body: { name }, by }) => trees.create(name, by),
    }),
    defineRoute({
      method: 'DELETE',
      url: `${URL}/:tree`,
      tag,
      summary: 'Deletes a tree; the devices and assets in it stay.',
      role: 'operator',
      params: treeParam,
      status: 204,
      answer: NO_CONTENT,
      handle: ({ params: { tree }, by }) => trees.remove(tree, by),
    }),
    defineRoute({
      method: 'GET',
      url: `${URL}/:tree/nodes`,
      tag,
      summary: 'What stands under a node, or at the top.',
      role: 'read-only',
      params: treeParam,
      query: {
        ...parentField,
        after: optional(text('Nodes behind this one: the last "entity" of the page before.')),
        limit: integer('How many at most.', { minimum: 1, maximum: MAX_PAGE_SIZE, default: 100 }),
      },
      answer: object({ data: list(NODE) }),
      async handle({ params: { tree }, query: { parent, after, limit }, principal }) {
        checkTree(principal, tree);
        const { subtree } = principal;
        if (subtree && parent === undefined) {
          const isThere = after === undefined && (await trees.isWithin(subtree, subtree.root));
          return { data: isThere ? [await shown(subtree.root, deps)] : [] };
        }
        const refs = await trees.children(tree, {
          limit,
          ...(parent === undefined
            ? {}
            : { parent: await visible(principal, await refOf(parent, 'parent', deps), 'parent') }),
          ...(after === undefined ? {} : { after: after as NodeRef }),
        });
        return { data: await Promise.all(refs.map((ref) => shown(ref, deps))) };
      },
    }),
    defineRoute({
      method: 'POST',
      url: `${URL}/:tree/nodes`,
      tag,
      summary: 'Puts a device or an asset into a tree, in which it stands once.',
      role: 'operator',
      params: treeParam,
      body: { entity: text(ENTITY), ...parentField },
      status: 201,
      answer: NODE,
      async handle({ params: { tree }, body: { entity, parent }, by }) {
        const node = await nodeOf(entity, parent);
        await trees.add(tree, node, by);
        return shown(node.ref, deps);
      },
    }),
    defineRoute({
      method: 'PUT',
      url: `${URL}/:tree/nodes/:entity`,
      tag,
      summary: 'Moves a node with all that stands under it.',
      role: 'operator',
      params: nodeParams,
      body: parentField,
      answer: NODE,
      async handle({ params: { tree, entity }, body: { parent }, by, principal }) {
        checkTree(principal, tree);
        const node = await nodeOf(entity, parent);
        await trees.move(tree, { ...node, ...boundOf(principal) }, by);
        return shown(node.ref, deps);
      },
    }),
    defineRoute({
      method: 'DELETE',
      url: `${URL}/:tree/nodes/:entity`,
      tag,
      summary: 'Takes a node out of a tree; what stands under it moves up.',
      role: 'operator',
      params: nodeParams,
      status: 204,
      answer: NO_CONTENT,
      async handle({ params: { tree, entity }, by, principal }) {
        checkTree(principal, tree);
        await trees.take(tree, { ref: await refParam(entity), ...boundOf(principal) }, by);
      },
    }),
    defineRoute({
      method: 'GET',
      url: `${URL}/:tree/nodes/:entity/path`,
      tag,
      summary: 'The nodes from the top of the tree to this one.',
      role: 'read-only',
      params: nodeParams,
      answer: object({ data: list(NODE) }),
      async handle({ params: { tree, entity }, principal }) {
        checkTree(principal, tree);
        const path = await trees.path(tree, await visible(principal, await refParam(entity), 'entity'));
        if (!path) throw new BrokerError('NOT_FOUND', { field: 'entity', detail: 'it is not in this tree' });
        const own = principal.subtree ? path.slice(path.indexOf(principal.subtree.root)) : path;
        return { data: await Promise.all(own.map((ref) => shown(ref, deps))) };
      },
    }),
    defineRoute({
      method: 'GET',
      url: '/api/gridmoor/tree-memberships/:entity',
      tag,
      summary: 'Names of the trees that a device or an asset stands in.',
      role: 'read-only',
      params: { entity: text(ENTITY) },
      answer: object({ data: list(string) }),
      async handle({ params: { entity }, principal }) {
        const ref = await visible(principal, await refParam(entity), 'entity');
        return { data: principal.subtree ? [principal.subtree.tree] : await trees.treesOf(ref) };
      },
    }),
  ];
}
