import type { Issue } from '../../schema/issue.ts';
import type { ChainGraph } from '../chain-graph.ts';
import { type PathStep, parsePath } from '../condition-path.ts';
import { type KnownRange, typeOf, type ValueType } from '../condition-range.ts';
import { conditionsIn, findIdleConditions } from '../lint-conditions.ts';

type Schema = Readonly<Record<string, unknown>>;

/** The JSON Schemas that a profile lets payloads through by. */
export interface ProfileSchemas {
  readonly profile: string;
  readonly schemas: readonly Schema[];
}

/** Behind these a body is no longer what the device sent. */
const CHANGES_THE_BODY = /^(?:transform|enrich|external|rpc|flow|profile)\//;
const TYPES: Readonly<Record<string, ValueType>> = {
  number: 'number',
  integer: 'number',
  string: 'text',
  boolean: 'flag',
  null: 'null',
  array: 'list',
  object: 'object',
};

/**
 * Conditions of a root chain that can never hold, or always do, for any payload that the profiles' schemas accept. Silent
 * as soon as one profile says nothing of the field, or a node before the condition may have changed it.
 */
export function lintUnderProfiles(chain: ChainGraph, profiles: readonly ProfileSchemas[]): Issue[] {
  if (!chain.root || profiles.length === 0) return [];
  const changed = nodesBehindChanges(chain);
  return [...chain.nodes.values()].flatMap((node) => {
    if (changed.has(node.name)) return [];
    const config = `${node.at}/config`;
    return conditionsIn(node.config, config).flatMap(({ at, condition }) => underAll(condition, at, chain, profiles));
  });
}

/** What all profiles agree on, and none of them needs no schema for. */
function underAll(condition: unknown, at: string, { file }: ChainGraph, profiles: readonly ProfileSchemas[]): Issue[] {
  const plain = new Set(findIdleConditions(condition).map((finding) => finding.at));
  const [first, ...others] = profiles.map(({ profile, schemas }) => {
    const know = (fact: string, path: string) => (fact === 'msg' ? rangeIn(schemas, path) : undefined);
    return findIdleConditions(condition, know, `the schema of profile ${profile}`);
  });
  return (first ?? [])
    .filter((finding) => !plain.has(finding.at))
    .filter(({ at: where, rule }) => others.every((list) => list.some((one) => one.at === where && one.rule === rule)))
    .map(({ at: where, rule, problem }) => ({ file, at: at + where, rule, level: 'warning', problem }));
}

function nodesBehindChanges({ nodes }: ChainGraph): ReadonlySet<string> {
  const behind = new Set<string>();
  const waiting = [...nodes.values()].filter(({ kind }) => CHANGES_THE_BODY.test(kind)).flatMap(({ edges }) => edges);
  for (let edge = waiting.pop(); edge !== undefined; edge = waiting.pop()) {
    if (behind.has(edge.to)) continue;
    behind.add(edge.to);
    waiting.push(...(nodes.get(edge.to)?.edges ?? []));
  }
  return behind;
}

/** What the schemas that name a field say of it: the widest of them counts. */
function rangeIn(schemas: readonly Schema[], path: string): KnownRange | undefined {
  const steps = parsePath(path);
  const found = schemas.map((schema) => (steps.ok ? schemaAt(schema, steps.steps) : undefined)).filter(isSchema);
  const ranges = found.map(rangeOf);
  const [only] = ranges;
  return ranges.length === 1 ? only : undefined;
}

function schemaAt(schema: Schema, steps: readonly PathStep[]): Schema | undefined {
  let found: unknown = schema;
  for (const step of steps) {
    if (!isSchema(found)) return undefined;
    const properties: unknown = typeof step === 'string' ? found.properties : undefined;
    found =
      typeof step === 'number'
        ? found.items
        : isSchema(properties) && Object.hasOwn(properties, step)
          ? properties[step]
          : undefined;
  }
  return steps.length > 0 && isSchema(found) ? found : undefined;
}

function rangeOf(schema: Schema): KnownRange {
  const values = Array.isArray(schema.enum) ? schema.enum : 'const' in schema ? [schema.const] : undefined;
  const named = [schema.type].flat().flatMap((type) => (typeof type === 'string' ? (TYPES[type] ?? []) : []));
  const all = Object.values(TYPES);
  const types = values ? values.map(typeOf) : named.length > 0 ? named : all;
  const min = highest([schema.minimum, schema.exclusiveMinimum]);
  const max = lowest([schema.maximum, schema.exclusiveMaximum]);
  return {
    types,
    ...(values ? { values } : {}),
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
  };
}

const numbers = (values: readonly unknown[]): number[] => values.filter((value) => typeof value === 'number');
const highest = (values: readonly unknown[]): number | undefined => numbers(values).sort((a, b) => b - a)[0];
const lowest = (values: readonly unknown[]): number | undefined => numbers(values).sort((a, b) => a - b)[0];

function isSchema(value: unknown): value is Schema {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
