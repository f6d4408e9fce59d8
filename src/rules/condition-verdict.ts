import { type Comparison, contradict, type Knowledge, type KnownRange } from './condition-range.ts';

/** What a condition comes to, whatever message is looked at. `always`: whenever what it looks at is there. */
export interface Verdict {
  readonly kind: 'never' | 'always';
  /** JSON pointer into the condition: the innermost group or comparison of which it is true. */
  readonly at: string;
  /** The comparisons that are at odds, or that leave nothing out. */
  readonly because: readonly Comparison[];
}

type JsonObject = Readonly<Record<string, unknown>>;
/** Comparisons that must all hold; a condition is a list of such lists, one of which must hold. */
type Ways = readonly (readonly Comparison[])[];

/** More ways than this are not looked at: the condition then may be anything. */
const MAX_WAYS = 256;
const UNKNOWN: Ways = [[]];
const NEGATED: Readonly<Record<string, string>> = {
  lessThan: 'greaterThanInclusive',
  lessThanInclusive: 'greaterThan',
  greaterThan: 'lessThanInclusive',
  greaterThanInclusive: 'lessThan',
  equal: 'notEqual',
  notEqual: 'equal',
  in: 'notIn',
  notIn: 'in',
  exists: 'absent',
  absent: 'exists',
};

const TEXT: KnownRange = { types: ['text'] };
const ENTITY_TYPE: KnownRange = { types: ['text'], values: ['DEVICE', 'ASSET', 'CUSTOMER', 'TENANT'] };

/** What holds of facts by themselves: metadata are texts, and so are the type and the originator's fields. */
function byFact(fact: string, path: string): KnownRange | undefined {
  if (fact === 'originator') return path === '$.entityType' ? ENTITY_TYPE : TEXT;
  return fact === 'metadata' || fact === 'msgType' ? TEXT : undefined;
}

/** Parts of a valid condition that can never hold, or that always do. Right sides that are facts are left open. */
export function judgeCondition(condition: unknown, knowledge: Knowledge = () => undefined): Verdict[] {
  const know: Knowledge = (fact, path) => byFact(fact, path) ?? knowledge(fact, path);
  const judge = (json: unknown, at: string): Verdict[] => {
    if (!isObject(json)) return [];
    const inner = childrenOf(json, at).flatMap((child) => judge(child.json, child.at));
    if (inner.length > 0) return inner;
    const never = conflict(waysOf(json, false, true), know);
    if (never) return [{ kind: 'never', at, because: never }];
    const always = conflict(waysOf(json, true, false), know);
    return always ? [{ kind: 'always', at, because: always.map(negated) }] : [];
  };
  return judge(condition, '');
}

function childrenOf(json: JsonObject, at: string): { readonly json: unknown; readonly at: string }[] {
  const group = ['all', 'any'].find((word) => Array.isArray(json[word]));
  if (group) return (json[group] as unknown[]).map((item, index) => ({ json: item, at: `${at}/${group}/${index}` }));
  return isObject(json.not) ? [{ json: json.not, at: `${at}/not` }] : [];
}

/** @param strict a negated comparison also holds when there is no value: it then tells nothing. */
function waysOf(json: unknown, negate: boolean, strict: boolean): Ways {
  if (!isObject(json)) return UNKNOWN;
  if (json.not !== undefined) return waysOf(json.not, !negate, strict);
  const together = negate ? json.any : json.all;
  const either = negate ? json.all : json.any;
  if (Array.isArray(either)) {
    const ways = either.flatMap((item) => waysOf(item, negate, strict));
    return ways.length > MAX_WAYS ? UNKNOWN : ways;
  }
  if (Array.isArray(together)) {
    let ways: Ways = UNKNOWN;
    for (const item of together) {
      const more = waysOf(item, negate, strict);
      if (ways.length * more.length > MAX_WAYS) return UNKNOWN;
      ways = ways.flatMap((way) => more.map((other) => [...way, ...other]));
    }
    return ways;
  }
  const comparison = comparisonOf(json);
  if (comparison === undefined) return UNKNOWN;
  if (!negate) return [[comparison]];
  if (strict && comparison.operator !== 'exists' && comparison.operator !== 'absent') return UNKNOWN;
  if (comparison.operator === 'between') return outside(comparison);
  return comparison.operator in NEGATED ? [[negated(comparison)]] : UNKNOWN;
}

function comparisonOf({ fact, path = '$', operator, value }: JsonObject): Comparison | undefined {
  if (typeof fact !== 'string' || typeof path !== 'string' || typeof operator !== 'string') return undefined;
  return isObject(value) && 'fact' in value ? undefined : { fact, path, operator, value };
}

const negated = (comparison: Comparison): Comparison => ({
  ...comparison,
  operator: NEGATED[comparison.operator] ?? comparison.operator,
});

function outside({ value, ...rest }: Comparison): Ways {
  const [from, to] = Array.isArray(value) ? value : [];
  return [[{ ...rest, operator: 'lessThan', value: from }], [{ ...rest, operator: 'greaterThan', value: to }]];
}

/** When no way can hold: the comparisons of the first that are at odds; undefined when one can. */
function conflict(ways: Ways, know: Knowledge): readonly Comparison[] | undefined {
  const conflicts = ways.map((way) => conflictOf(way, know));
  return conflicts.length > 0 && conflicts.every((one) => one !== undefined) ? conflicts[0] : undefined;
}

function conflictOf(way: readonly Comparison[], know: Knowledge): readonly Comparison[] | undefined {
  const byPlace = new Map<string, Comparison[]>();
  for (const one of way) {
    const place = `${one.fact} ${one.path}`;
    byPlace.set(place, [...(byPlace.get(place) ?? []), one]);
  }
  for (const group of byPlace.values()) {
    const [first] = group;
    const known = first && know(first.fact, first.path);
    if (contradict(group, known)) return smallest(group, known);
  }
  return undefined;
}

/** One or two of them that are enough, for a short message. */
function smallest(group: readonly Comparison[], known: KnownRange | undefined): readonly Comparison[] {
  const one = group.find((comparison) => contradict([comparison], known));
  if (one) return [one];
  for (const [index, a] of group.entries()) {
    const b = group.slice(index + 1).find((other) => contradict([a, other], known));
    if (b) return [a, b];
  }
  return group;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
