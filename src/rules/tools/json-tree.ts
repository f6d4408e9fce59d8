/** JSON as it is written: members in file order, numbers with their own digits. */
export type JsonTree =
  | { readonly kind: 'scalar'; readonly text: string }
  | { readonly kind: 'array'; readonly items: readonly JsonTree[] }
  | { readonly kind: 'object'; readonly members: readonly JsonMember[] };

export interface JsonMember {
  readonly key: string;
  readonly value: JsonTree;
}

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\]]|[^\s{}[\],:"]+/g;

/** The tree of a text that is known to be JSON, nested no deeper than files may be. Texts lose needless escapes. */
export function parseJsonTree(text: string): JsonTree {
  const tokens = text.matchAll(TOKEN);
  const next = (): string => tokens.next().value?.[0] ?? '';
  const read = (token: string): JsonTree => {
    if (token === '{') {
      const members: JsonMember[] = [];
      for (let key = next(); key !== '}' && key !== ''; key = next()) {
        members.push({ key: String(JSON.parse(key)), value: read(next()) });
      }
      return { kind: 'object', members };
    }
    if (token === '[') {
      const items: JsonTree[] = [];
      for (let item = next(); item !== ']' && item !== ''; item = next()) items.push(read(item));
      return { kind: 'array', items };
    }
    return { kind: 'scalar', text: token.startsWith('"') ? JSON.stringify(JSON.parse(token)) : token };
  };
  return read(next());
}

/** The member of an object; undefined when it has none, or is no object. */
export function memberOf(tree: JsonTree, key: string): JsonTree | undefined {
  return tree.kind === 'object' ? tree.members.find((member) => member.key === key)?.value : undefined;
}

/** The text that a scalar holds; undefined for all else. */
export function textOf(tree: JsonTree | undefined): string | undefined {
  return tree?.kind === 'scalar' && tree.text.startsWith('"') ? String(JSON.parse(tree.text)) : undefined;
}
