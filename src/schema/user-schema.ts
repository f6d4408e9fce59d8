import { MAX_PATTERN_TEXT, patternProblem } from './pattern-cost.ts';
import { compileForeignSchema } from './validate.ts';

/** Gives what is wrong, without quoting the value; undefined when the value fits. Changes nothing in it. */
export type UserCheck = (value: unknown) => string | undefined;

export type UserSchema =
  | { readonly ok: true; readonly check: UserCheck }
  /** `at`: JSON pointer into the schema. */
  | {
      readonly ok: false;
      readonly at: string;
      readonly rule: 'invalid-schema' | 'dangerous-schema';
      readonly problem: string;
    };

const MAX_CHARACTERS = 65_536;
const MAX_DEPTH = 24;
/** Subschemas that one value may meet, each `$ref` counted with what it stands for. */
const MAX_SIZE = 5_000;
const MAX_UNIQUE_ITEMS = 256;

/**
 * Compiles a JSON Schema (2020-12) that a user wrote, or refuses what could make a check slow or unbounded: remote or
 * circular references, exploding ones, patterns with a bad worst case. `format` is not checked.
 */
export function compileUserSchema(schema: unknown): UserSchema {
  if (schema === null || typeof schema !== 'object' || Array.isArray(schema)) {
    return { ok: false, at: '', rule: 'invalid-schema', problem: 'must be an object' };
  }
  if (JSON.stringify(schema).length > MAX_CHARACTERS) {
    return { ok: false, at: '', rule: 'dangerous-schema', problem: `is longer than ${MAX_CHARACTERS} characters` };
  }
  const danger = findDanger(schema, '', 0) ?? referenceDanger(schema as Record<string, unknown>);
  if (danger) return { ok: false, rule: 'dangerous-schema', ...danger };
  const { $schema: _dialect, $id: _id, ...rest } = schema as Record<string, unknown>;
  const compiled = compileForeignSchema(rest, boundedRegExp);
  return compiled.ok ? compiled : { ...compiled, rule: 'invalid-schema' };
}

/** Texts beyond the length for which patterns were judged do not match. */
function boundedRegExp(pattern: string, flags: string): { test(text: string): boolean } {
  const compiled = new RegExp(pattern, flags);
  return { test: (text) => text.length <= MAX_PATTERN_TEXT && compiled.test(text) };
}

interface Danger {
  readonly at: string;
  readonly problem: string;
}

/** Keywords whose value is data, not a schema. */
const DATA = new Set(['const', 'enum', 'default', 'examples']);

function findDanger(node: unknown, at: string, depth: number, named = false): Danger | undefined {
  if (node === null || typeof node !== 'object') return undefined;
  if (depth > MAX_DEPTH) return { at, problem: `is nested deeper than ${MAX_DEPTH} levels` };
  for (const [key, value] of Object.entries(node)) {
    const here = `${at}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    if (!named && !Array.isArray(node)) {
      if (DATA.has(key)) continue;
      const problem = keywordProblem(key, value, node as Record<string, unknown>);
      if (problem) return { at: here, problem };
    }
    const maps =
      !named && ['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas'].includes(key);
    const found = findDanger(value, here, depth + 1, maps);
    if (found) return found;
  }
  return undefined;
}

function keywordProblem(key: string, value: unknown, node: Record<string, unknown>): string | undefined {
  switch (key) {
    case 'pattern':
      return typeof value === 'string' ? patternProblem(value) : undefined;
    case 'patternProperties':
      return value !== null && typeof value === 'object'
        ? Object.keys(value)
            .map(patternProblem)
            .find((problem) => problem !== undefined)
        : undefined;
    case 'uniqueItems':
      return value === true && !(typeof node.maxItems === 'number' && node.maxItems <= MAX_UNIQUE_ITEMS)
        ? `uniqueItems needs maxItems of ${MAX_UNIQUE_ITEMS} or less beside it`
        : undefined;
    case '$ref':
      return typeof value === 'string' && /^#(?:\/|$)/.test(value) ? undefined : '$ref may only point into this schema';
    case '$dynamicRef':
    case '$dynamicAnchor':
    case '$recursiveRef':
      return `${key} is not supported`;
    default:
      return undefined;
  }
}

/** Circular references, and references that multiply to more than MAX_SIZE subschemas. */
function referenceDanger(root: Record<string, unknown>): Danger | undefined {
  const sizes = new Map<string, number>();
  const open = new Set<string>();
  let problem: string | undefined;
  const sizeOf = (node: unknown): number => {
    if (problem !== undefined || node === null || typeof node !== 'object') return 0;
    let size = 1;
    for (const [key, value] of Object.entries(node)) {
      if (DATA.has(key) || key === '$defs' || key === 'definitions') continue;
      size += key === '$ref' && typeof value === 'string' ? sizeOfReference(value) : sizeOf(value);
    }
    if (size > MAX_SIZE) problem = 'its references multiply to too many subschemas';
    return size;
  };
  const sizeOfReference = (reference: string): number => {
    const known = sizes.get(reference);
    if (known !== undefined) return known;
    if (open.has(reference) || reference === '#') {
      problem = `${reference} refers to itself`;
      return 0;
    }
    open.add(reference);
    const size = sizeOf(resolve(root, reference));
    open.delete(reference);
    sizes.set(reference, size);
    return size;
  };
  sizeOf(root);
  return problem === undefined ? undefined : { at: '', problem };
}

function resolve(root: unknown, reference: string): unknown {
  let node = root;
  for (const part of reference.slice(2).split('/')) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    node =
      node !== null && typeof node === 'object' && Object.hasOwn(node, key)
        ? (node as Record<string, unknown>)[key]
        : undefined;
  }
  return node;
}
