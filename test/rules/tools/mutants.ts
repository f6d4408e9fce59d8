interface Node {
  kind: string;
  config?: Record<string, unknown>;
  to?: Record<string, string | string[]>;
}
export interface Chain {
  readonly name: string;
  first: string;
  readonly nodes: Record<string, Node>;
}

/** One small mistake in a chain. */
export interface Mutant {
  readonly what: string;
  readonly chain: Chain;
}

/** Operators that an engineer mixes up. */
const FLIPS: Readonly<Record<string, string>> = {
  lessThan: 'greaterThan',
  lessThanInclusive: 'lessThan',
  greaterThan: 'lessThan',
  greaterThanInclusive: 'greaterThan',
  equal: 'notEqual',
  notEqual: 'equal',
  in: 'notIn',
  notIn: 'in',
  all: 'any',
  any: 'all',
  exists: 'absent',
  absent: 'exists',
};
/** Words of configs with a meaning: each becomes another one. */
const WORDS: Readonly<Record<string, string>> = {
  CLIENT_SCOPE: 'SERVER_SCOPE',
  SERVER_SCOPE: 'SHARED_SCOPE',
  SHARED_SCOPE: 'CLIENT_SCOPE',
  reject: 'move',
  move: 'reject',
  warn: 'error',
  debug: 'info',
  info: 'warn',
  error: 'warn',
};

/** Every mutant of a chain: swapped, dropped and bent edges, flipped operators, changed bounds, texts and switches. */
export function mutantsOf(original: Chain): Mutant[] {
  const mutants: Mutant[] = [];
  const mutate = (what: string, change: (chain: Chain) => void): void => {
    const chain = structuredClone(original);
    change(chain);
    mutants.push({ what: `${original.name}: ${what}`, chain });
  };
  const names = Object.keys(original.nodes);
  for (const [name, { to = {}, config = {} }] of Object.entries(original.nodes)) {
    const labels = Object.keys(to);
    labels.forEach((label, index) => {
      mutate(`${name} loses its edge ${label}`, ({ nodes }) => {
        const edges = nodes[name]?.to;
        if (edges) delete edges[label];
      });
      for (const other of labels.slice(index + 1)) {
        mutate(`${name} swaps ${label} and ${other}`, ({ nodes }) => {
          const edges = nodes[name]?.to;
          const [a, b] = [to[label], to[other]];
          if (edges && a !== undefined && b !== undefined) Object.assign(edges, { [label]: b, [other]: a });
        });
      }
      const bent = names[(names.indexOf([to[label]].flat()[0] ?? '') + 1) % names.length] ?? name;
      mutate(`${name} leads by ${label} to ${bent}`, ({ nodes }) => {
        const edges = nodes[name]?.to;
        if (edges) edges[label] = bent;
      });
    });
    for (const { path, values } of changesIn(config, [])) {
      for (const [told, value] of values) {
        mutate(`${name} ${path.join('.')} ${told}`, ({ nodes }) => set(nodes[name]?.config ?? {}, path, value));
      }
    }
  }
  return mutants;
}

type Path = readonly (string | number)[];
type Change = { readonly path: Path; readonly values: readonly (readonly [string, unknown])[] };

function changesIn(value: unknown, path: Path): Change[] {
  if (typeof value === 'number')
    return [
      {
        path,
        values: [
          ['one more', value + 1],
          ['one less', value - 1],
        ],
      },
    ];
  if (typeof value === 'boolean') return [{ path, values: [['is flipped', !value]] }];
  if (typeof value === 'string') {
    const flipped = path.at(-1) === 'operator' ? FLIPS[value] : WORDS[value];
    if (flipped !== undefined) return [{ path, values: [[`becomes ${flipped}`, flipped]] }];
    return path.at(-1) === 'fact' ? [] : [{ path, values: [['gets a letter more', `${value}x`]] }];
  }
  if (value === null || typeof value !== 'object') return [];
  const inner = Object.entries(value).flatMap(([key, item]) =>
    changesIn(item, [...path, Array.isArray(value) ? Number(key) : key]),
  );
  const shorter =
    Array.isArray(value) && value.length > 1
      ? [{ path, values: [['loses its last', value.slice(0, -1)] as const] }]
      : [];
  return [...inner, ...shorter];
}

function set(target: unknown, path: Path, value: unknown): void {
  const [key, ...rest] = path;
  const object = target as Record<string | number, unknown>;
  if (key === undefined) return;
  if (rest.length === 0) object[key] = value;
  else set(object[key], rest, value);
}

/** The list in an order that only hangs on the seed. */
export function shuffled<T>(list: readonly T[], seed: number): T[] {
  let state = seed;
  const random = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  return list
    .map((item) => ({ item, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
