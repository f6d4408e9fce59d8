import type { JsonValue } from '../../model/json.ts';
import type { Msg } from '../../model/msg.ts';
import { compilePath, parsePath } from '../condition-path.ts';
import { compileCondition, type Facts } from '../conditions.ts';
import { conditionsIn } from '../lint-conditions.ts';

/** One comparison of a condition somewhere in a node's config. */
export interface Leaf {
  /** JSON pointer below the config. */
  readonly at: string;
  /** `msg $.voltage greaterThan 253` */
  readonly text: string;
  readonly fact: string;
  readonly path: string;
  readonly operator: string;
  readonly expected: unknown;
  test(facts: Facts): boolean;
  /** What it looks at in a message; undefined when that is missing. */
  read(facts: Facts): unknown;
}

/** A secret is an opaque object to every operator, as in the nodes. */
export function factsOf(msg: Msg): Facts {
  return {
    msg: msg.data as JsonValue,
    metadata: msg.metadata,
    msgType: msg.type,
    originator: msg.originator,
  };
}

/** Every comparison in a config, in the order it is written. */
export function leavesOf(config: unknown): readonly Leaf[] {
  return conditionsIn(config, '').flatMap(({ at, condition }) => walk(condition, at));
}

function walk(json: unknown, at: string): Leaf[] {
  if (json === null || typeof json !== 'object') return [];
  for (const word of ['all', 'any'] as const) {
    const list = (json as Readonly<Record<string, unknown>>)[word];
    if (Array.isArray(list)) return list.flatMap((item, index) => walk(item, `${at}/${word}/${index}`));
  }
  const object = json as Readonly<Record<string, unknown>>;
  if (object.not !== undefined) return walk(object.not, `${at}/not`);
  return typeof object.fact === 'string' ? [leafOf(object, at)] : [];
}

function leafOf(json: Readonly<Record<string, unknown>>, at: string): Leaf {
  const compiled = compileCondition({ all: [json] });
  const { fact, path = '$', operator, value } = json;
  const place = path === '$' ? String(fact) : `${fact} ${path}`;
  const right = value === undefined ? '' : ` ${rightText(value)}`;
  return {
    at,
    text: `${place} ${operator}${right}`,
    fact: String(fact),
    path: String(path),
    operator: String(operator),
    expected: value,
    test: (facts) => compiled.ok && compiled.test(facts),
    read: reader(String(fact), String(path)),
  };
}

function rightText(value: unknown): string {
  const other = value as { readonly fact?: unknown; readonly path?: unknown } | null;
  if (typeof other === 'object' && other !== null && typeof other.fact === 'string') {
    return other.path === undefined ? other.fact : `${other.fact} ${other.path}`;
  }
  return JSON.stringify(value);
}

function reader(fact: string, path: string): Leaf['read'] {
  const parsed = parsePath(path);
  const find = parsed.ok ? compilePath(parsed.steps) : () => undefined;
  return (facts) => find(fact in facts ? facts[fact as keyof Facts] : undefined);
}
