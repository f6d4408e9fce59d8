import { apiPath, type Client, createClient, urlFlag } from './client.ts';
import { defineCommand, type Flag } from './command.ts';
import { group } from './frame.ts';
import { EXIT, type Io, UsageError } from './io.ts';
import { formatTime, printJson, printTable } from './table.ts';
import { exportTree, importTree } from './tree-files.ts';

const TREES = '/api/gridmoor/trees';
const PAGE = 1_000;
const NODE = '<node> is DEVICE:<name or id>, ASSET:<type>/<name> or ASSET:<id>.';

interface Node {
  /** By id. */
  readonly entity: string;
  /** Absent: what stood there is gone. */
  readonly name?: string;
  readonly type?: string;
}

const nodesPath = (tree: string): string => apiPath`/api/gridmoor/trees/${tree}/nodes`;
const nodePath = (tree: string, node: string): string => apiPath`/api/gridmoor/trees/${tree}/nodes/${node}`;

const placeFlags = {
  parent: { type: 'string', value: '<node>', summary: 'what it shall stand under' },
  top: { type: 'boolean', summary: 'at the top of the tree' },
} as const satisfies Readonly<Record<string, Flag>>;

/** Never guessed: a slip of the pen must not move a whole branch to the top. */
function placeOf({ parent, top }: { readonly parent: string | undefined; readonly top: boolean }) {
  if ((parent !== undefined) === top) throw new UsageError('Say where: --parent <node> or --top, one of them.');
  return parent === undefined ? {} : { parent };
}

function nameOf({ entity, name, type }: Node): string {
  if (name === undefined) return entity;
  return entity.startsWith('DEVICE:') ? `DEVICE:${name}` : `ASSET:${type}/${name}`;
}

async function childrenOf(client: Client, tree: string, parent: string | undefined): Promise<readonly Node[]> {
  const nodes: Node[] = [];
  for (let after: string | undefined, more = true; more; more = after !== undefined) {
    const query = { parent, after, limit: PAGE };
    const { data } = await client.get<{ readonly data: readonly Node[] }>(nodesPath(tree), query);
    nodes.push(...data);
    after = data.length < PAGE ? undefined : data.at(-1)?.entity;
  }
  return nodes;
}

function printNodes(io: Io, nodes: readonly Node[], json: boolean): void {
  if (json) printJson(io, { data: nodes });
  else {
    const rows = nodes.map((node) => [nameOf(node), node.entity.slice(node.entity.indexOf(':') + 1)]);
    printTable(io, ['node', 'id'], rows);
  }
}

const list = defineCommand({
  name: 'tree list',
  summary: 'Lists the trees, or those that a device or an asset stands in.',
  flags: { of: { type: 'string', value: '<node>', summary: 'only those that it stands in' }, ...urlFlag },
  notes: NODE,
  examples: ['gridmoor tree list', 'gridmoor tree list --of DEVICE:meter-1'],
  async run({ url, json, of }, _args, io) {
    const client = createClient(io, url);
    if (of !== undefined) {
      const found = await client.get<{ readonly data: readonly string[] }>(
        apiPath`/api/gridmoor/tree-memberships/${of}`,
      );
      if (json) printJson(io, found);
      else for (const name of found.data) io.stdout.write(`${name}\n`);
      return EXIT.fine;
    }
    const found = await client.get<{ readonly data: readonly { name: string; createdAt: number }[] }>(TREES);
    if (json) printJson(io, found);
    else {
      const rows = found.data.map(({ name, createdAt }) => [name, formatTime(createdAt)]);
      printTable(io, ['name', 'created'], rows);
    }
    return EXIT.fine;
  },
});

const show = defineCommand({
  name: 'tree show',
  summary: 'Lists what stands under a node of a tree, or at its top.',
  args: '<tree> [node]',
  flags: urlFlag,
  notes: `${NODE}\nA whole tree: gridmoor tree export <tree> -`,
  examples: ['gridmoor tree show grid', 'gridmoor tree show grid ASSET:area/north'],
  async run({ url, json }, [tree = '', node], io) {
    printNodes(io, await childrenOf(createClient(io, url), tree, node), json);
    return EXIT.fine;
  },
});

const path = defineCommand({
  name: 'tree path',
  summary: 'Lists the nodes from the top of a tree to this one.',
  args: '<tree> <node>',
  flags: urlFlag,
  notes: NODE,
  examples: ['gridmoor tree path grid DEVICE:meter-1'],
  async run({ url, json }, [tree = '', node = ''], io) {
    const client = createClient(io, url);
    const { data } = await client.get<{ readonly data: readonly Node[] }>(`${nodePath(tree, node)}/path`);
    printNodes(io, data, json);
    return EXIT.fine;
  },
});

const create = defineCommand({
  name: 'tree create',
  summary: 'Creates a tree.',
  args: '<tree>',
  flags: urlFlag,
  examples: ['gridmoor tree create grid'],
  async run({ url, json }, [name = ''], io) {
    const made = await createClient(io, url).post(TREES, { name });
    if (json) printJson(io, made);
    else io.stdout.write(`created ${name}\n`);
    return EXIT.fine;
  },
});

const add = defineCommand({
  name: 'tree add',
  summary: 'Puts a device or an asset into a tree, in which it stands once.',
  args: '<tree> <node>',
  flags: { ...placeFlags, ...urlFlag },
  notes: `${NODE}\nAssets that are not there yet are made by tree import.`,
  examples: ['gridmoor tree add grid DEVICE:meter-1 --parent ASSET:area/north'],
  async run({ url, json, ...given }, [tree = '', entity = ''], io) {
    const body = { entity, ...placeOf(given) };
    const placed = await createClient(io, url).post<Node>(nodesPath(tree), body);
    if (json) printJson(io, placed);
    else io.stdout.write(`${nameOf(placed)} stands in ${tree}\n`);
    return EXIT.fine;
  },
});

const move = defineCommand({
  name: 'tree move',
  summary: 'Moves a node of a tree with all that stands under it.',
  args: '<tree> <node>',
  flags: { ...placeFlags, ...urlFlag },
  notes: NODE,
  examples: [
    'gridmoor tree move grid ASSET:area/street --parent ASSET:area/south',
    'gridmoor tree move grid DEVICE:meter-1 --top',
  ],
  async run({ url, json, ...given }, [tree = '', entity = ''], io) {
    const body = placeOf(given);
    const moved = await createClient(io, url).put<Node>(nodePath(tree, entity), body, undefined);
    if (json) printJson(io, moved);
    else io.stdout.write(`moved ${nameOf(moved)}\n`);
    return EXIT.fine;
  },
});

const take = defineCommand({
  name: 'tree take',
  summary: 'Takes a node out of a tree; what stands under it moves up, and the device or asset stays.',
  args: '<tree> <node>',
  flags: urlFlag,
  notes: NODE,
  examples: ['gridmoor tree take grid DEVICE:meter-1'],
  async run({ url, json }, [tree = '', entity = ''], io) {
    await createClient(io, url).delete(nodePath(tree, entity));
    if (json) printJson(io, { taken: entity, tree });
    else io.stdout.write(`took ${entity} out of ${tree}\n`);
    return EXIT.fine;
  },
});

const remove = defineCommand({
  name: 'tree delete',
  summary: 'Deletes a tree; the devices and assets in it stay.',
  args: '<tree>',
  flags: urlFlag,
  examples: ['gridmoor tree delete grid'],
  async run({ url, json }, [name = ''], io) {
    await createClient(io, url).delete(apiPath`/api/gridmoor/trees/${name}`);
    if (json) printJson(io, { deleted: name });
    else io.stdout.write(`deleted ${name}\n`);
    return EXIT.fine;
  },
});

export const run = group('tree', 'Trees of devices and assets.', [
  list,
  show,
  path,
  create,
  add,
  move,
  take,
  remove,
  importTree,
  exportTree,
]);
