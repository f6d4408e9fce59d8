import type { JsonMember, JsonTree } from './json-tree.ts';

/** How a value is written: in what order its members stand, and whether it is always spread over lines. */
export interface JsonLayout {
  /** Members in this order; all others behind them, in the order of the file. */
  readonly keys?: readonly string[];
  /** Never on one line, however short: changes to two such values then never touch neighbouring lines. */
  readonly spread?: boolean;
  /** Layout of a member or of an item; undefined = as it stands. */
  readonly inner?: (key: string, value: JsonTree) => JsonLayout | undefined;
}

const WIDTH = 120;
const PLAIN: JsonLayout = {};

/** JSON text in one form: two spaces, one line when it fits into 120 columns, a final newline. */
export function printJsonTree(tree: JsonTree, layout: JsonLayout): string {
  return `${write(tree, { ...layout, spread: true }, 0, 0)}\n`;
}

/** @param taken columns that the line already uses before the value, its indent included. */
function write(tree: JsonTree, layout: JsonLayout, indent: number, taken: number): string {
  if (tree.kind === 'scalar') return tree.text;
  const children = childrenOf(tree, layout);
  if (children.length === 0) return tree.kind === 'array' ? '[]' : '{}';
  if (!mustSpread(tree, layout)) {
    const flat = flatten(tree, layout);
    // One column for the comma that may follow.
    if (taken + flat.length + 1 <= WIDTH) return flat;
  }
  const inner = indent + 2;
  const pad = ' '.repeat(inner);
  const lines = children.map(({ key, value, layout: own }) => {
    const head = tree.kind === 'array' ? '' : `${JSON.stringify(key)}: `;
    return pad + head + write(value, own, inner, inner + head.length);
  });
  const [open, close] = tree.kind === 'array' ? '[]' : '{}';
  return `${open}\n${lines.join(',\n')}\n${' '.repeat(indent)}${close}`;
}

function flatten(tree: JsonTree, layout: JsonLayout): string {
  if (tree.kind === 'scalar') return tree.text;
  const parts = childrenOf(tree, layout).map(({ key, value, layout: own }) => {
    const text = flatten(value, own);
    return tree.kind === 'array' ? text : `${JSON.stringify(key)}: ${text}`;
  });
  if (tree.kind === 'array') return `[${parts.join(', ')}]`;
  return parts.length === 0 ? '{}' : `{ ${parts.join(', ')} }`;
}

/** A value that holds one which is always spread is so too. */
function mustSpread(tree: JsonTree, layout: JsonLayout): boolean {
  if (layout.spread === true) return true;
  if (tree.kind === 'scalar' || layout.inner === undefined) return false;
  return childrenOf(tree, layout).some(({ value, layout: own }) => value.kind !== 'scalar' && mustSpread(value, own));
}

function childrenOf(
  tree: Exclude<JsonTree, { kind: 'scalar' }>,
  layout: JsonLayout,
): readonly (JsonMember & { readonly layout: JsonLayout })[] {
  const members =
    tree.kind === 'array'
      ? tree.items.map((value, index) => ({ key: String(index), value }))
      : inOrder(tree.members, layout.keys ?? []);
  return members.map((member) => ({ ...member, layout: layout.inner?.(member.key, member.value) ?? PLAIN }));
}

function inOrder(members: readonly JsonMember[], keys: readonly string[]): readonly JsonMember[] {
  const known = [...new Set(keys)].flatMap((key) => members.filter((member) => member.key === key));
  return [...known, ...members.filter((member) => !keys.includes(member.key))];
}

type Schema = Readonly<Record<string, unknown>>;

/** The layout that follows a JSON Schema: members in the order of its `properties`, at every depth. */
export function layoutOfSchema(schema: Schema): JsonLayout {
  const properties = asSchema(schema.properties);
  const items = asSchema(schema.items);
  const rest = asSchema(schema.additionalProperties);
  return {
    keys: Object.keys(properties ?? {}),
    inner: (key, value) => {
      const own = value.kind === 'scalar' ? undefined : (asSchema(properties?.[key]) ?? items ?? rest);
      return own && layoutOfSchema(own);
    },
  };
}

function asSchema(value: unknown): Schema | undefined {
  return value !== null && typeof value === 'object' ? (value as Schema) : undefined;
}
