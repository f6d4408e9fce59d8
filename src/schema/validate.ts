import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';

/** One violation: JSON pointer into the value, what is wrong, what would be right. */
export interface Violation {
  readonly at: string;
  readonly rule: string;
  readonly problem: string;
  readonly hint?: string;
}

export type Checked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly violations: readonly Violation[] };

/** Checks a value and fills in defaults in place. */
export type Check<T> = (value: unknown) => Checked<T>;

/**
 * Without its optimiser: that makes an object `{[name]: count}` of each name in the code, some 1,000 in a start: with Node's and ours
 * more first keys than V8 shares hidden classes for (1,536). Then every `process.nextTick` of the process pays for a class of its own,
 * and the garbage collector for all.
 */
const code = { optimize: false };

const ajv = new Ajv2020({
  code,
  allErrors: true,
  useDefaults: true,
  strict: false,
  validateFormats: false,
  ownProperties: true,
  // Puts the schema round an error into it: the hint with the nearest name comes from there.
  verbose: true,
  // Our own schemas are held against the schema of schemas by a test, not at every start: that costs some 100 ms.
  meta: false,
  validateSchema: false,
});

/**
 * @param schema JSON Schema 2020-12 of our own making. Compiled at first use: there are hundreds, and a start needs few.
 */
export function compileSchema<T>(schema: Readonly<Record<string, unknown>>): Check<T> {
  let compiled: ValidateFunction<T> | undefined;
  return (value) => {
    compiled ??= ajv.compile<T>(schema) as ValidateFunction<T>;
    const validate = compiled;
    if (validate(value)) return { ok: true, value };
    return { ok: false, violations: explain(validate.errors ?? [], value) };
  };
}

let metaChecker: Ajv2020 | undefined;

/**
 * Compiles a schema of someone else in a compiler of its own, so that nothing of it stays when it is replaced. The check
 * changes nothing and quotes nothing of a value. Judge the schema's cost before: `user-schema.ts`.
 */
export function compileForeignSchema(
  schema: Readonly<Record<string, unknown>>,
  regExp: (pattern: string, flags: string) => { test(text: string): boolean },
):
  | { readonly ok: true; readonly check: (value: unknown) => string | undefined }
  | { readonly ok: false; readonly at: string; readonly problem: string } {
  // Made at first use, and once: the schema of schemas costs some 100 ms.
  metaChecker ??= new Ajv2020({ code, strict: false, validateFormats: false, logger: false });
  if (!metaChecker.validateSchema(schema)) {
    const error = metaChecker.errors?.find(({ keyword }) => !['if', 'anyOf', 'oneOf', 'not'].includes(keyword));
    return { ok: false, at: error?.instancePath ?? '', problem: error?.message ?? 'is not a JSON Schema' };
  }
  const foreign = new Ajv2020({
    meta: false,
    validateSchema: false,
    strict: true,
    strictTypes: false,
    strictTuples: false,
    strictRequired: false,
    validateFormats: false,
    ownProperties: true,
    addUsedSchema: false,
    logger: false,
    code: { ...code, regExp: Object.assign(regExp, { code: 'regExp' }) },
  });
  try {
    const validate = foreign.compile(schema);
    return {
      ok: true,
      check(value) {
        if (validate(value)) return undefined;
        const error = validate.errors?.[0];
        return `${error?.instancePath || 'the value'} ${error?.message ?? 'does not fit its schema'}`.slice(0, 200);
      },
    };
  } catch (error) {
    return { ok: false, at: '', problem: (error instanceof Error ? error.message : String(error)).slice(0, 200) };
  }
}

/** Form and number of a branch. */
const BRANCH = /^(.*\/(?:oneOf|anyOf))\/(\d+)\//;

function explain(errors: readonly ErrorObject[], root: unknown): Violation[] {
  const seen = new Set<string>();
  const violations: Violation[] = [];
  // `if`, `oneOf` and `anyOf` only repeat what their branches say better, when these say anything.
  const said = errors.filter((error) => !['if', 'oneOf', 'anyOf', 'not'].includes(error.keyword));
  const ways = waysOf(said);
  for (const error of said.length > 0 ? said : errors) {
    const violation = ways.get(error) ?? explainOne(error, root);
    const key = `${violation.at} ${violation.problem}`;
    if (!seen.has(key)) violations.push(violation);
    seen.add(key);
  }
  return violations;
}

interface Branches {
  readonly errors: ErrorObject[];
  /** What each misses. */
  readonly branches: Map<string, string[]>;
}

/** Branches of one `oneOf` or `anyOf` that each miss something: one finding for all, unless it says what goes with what. */
function waysOf(errors: readonly ErrorObject[]): ReadonlyMap<ErrorObject, Violation> {
  const places = new Map<string, Branches>();
  for (const error of errors) {
    const [, form, branch] = (error.keyword === 'required' && BRANCH.exec(error.schemaPath)) || [];
    if (form === undefined || branch === undefined) continue;
    const place: Branches = places.get(`${error.instancePath} ${form}`) ?? { errors: [], branches: new Map() };
    places.set(`${error.instancePath} ${form}`, place);
    place.errors.push(error);
    place.branches.set(branch, [...(place.branches.get(branch) ?? []), String(error.params.missingProperty)]);
  }
  const ways = new Map<ErrorObject, Violation>();
  for (const { errors: own, branches } of places.values()) {
    const at = own[0]?.instancePath ?? '';
    const beside = errors.find((error) => error.keyword === 'dependentRequired' && error.instancePath === at);
    if (beside === undefined && branches.size < 2) continue;
    const needs = [...branches.values()].map((names) => names.map((name) => `"${name}"`).join(' and '));
    const problem = `needs ${needs.join(', or ')}`;
    const violation = beside ? besideOf(beside) : { at, rule: 'missing-field', problem };
    for (const error of own) ways.set(error, violation);
  }
  return ways;
}

function besideOf({ instancePath, params }: ErrorObject): Violation {
  const problem = `"${String(params.missingProperty)}" is missing beside "${String(params.property)}"`;
  return { at: instancePath, rule: 'missing-field', problem };
}

function explainOne(error: ErrorObject, root: unknown): Violation {
  const at = error.instancePath;
  const params = error.params as Record<string, unknown>;
  const parent = (error.parentSchema ?? {}) as Record<string, unknown>;
  switch (error.keyword) {
    case 'additionalProperties':
    case 'unevaluatedProperties': {
      const name = String(params.additionalProperty ?? params.unevaluatedProperty);
      const known = Object.keys((parent.properties ?? {}) as object);
      const near = nearest(name, known);
      const hint = near ? `did you mean "${near}"?` : known.length > 0 ? `known here: ${known.join(', ')}` : undefined;
      return {
        at: `${at}/${escapePointer(name)}`,
        rule: 'unknown-field',
        problem: `unknown field "${name}"`,
        ...(hint ? { hint } : {}),
      };
    }
    case 'required':
      return { at, rule: 'missing-field', problem: `"${String(params.missingProperty)}" is missing` };
    case 'dependentRequired':
      return besideOf(error);
    case 'enum': {
      const words = (params.allowedValues as readonly unknown[]).map(String);
      const value = valueAt(root, at);
      const near = typeof value === 'string' ? nearest(value, words) : undefined;
      const hint = near ? `did you mean "${near}"?` : `one of: ${words.join(', ')}`;
      return { at, rule: 'unknown-word', problem: `${show(value)} is not a valid value`, hint };
    }
    case 'type':
      return { at, rule: 'wrong-type', problem: `must be ${String(params.type)}, is ${typeName(valueAt(root, at))}` };
    case 'oneOf':
      return tooMany(error) ?? { at, rule: 'invalid-value', problem: error.message ?? 'fits none of its forms' };
    default:
      return { at, rule: 'invalid-value', problem: error.message ?? `violates ${error.keyword}` };
  }
}

/** Two forms at once: the members that make them so. */
function tooMany({ instancePath: at, params, schema }: ErrorObject): Violation | undefined {
  const [one, other] = Array.isArray(params.passingSchemas) ? params.passingSchemas : [];
  const branches = schema as readonly { readonly required?: readonly string[] }[];
  const [of = [], beside = []] = [branches[one]?.required, branches[other]?.required];
  const first = of.find((name) => !beside.includes(name));
  const second = beside.find((name) => !of.includes(name));
  if (first === undefined || second === undefined) return undefined;
  const problem = `"${first}" and "${second}" exclude each other`;
  return { at, rule: 'invalid-value', problem, hint: 'leave one of them out' };
}

const escapePointer = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1');

function valueAt(root: unknown, pointer: string): unknown {
  let value = root;
  for (const part of pointer.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    value = value !== null && typeof value === 'object' ? (value as Record<string, unknown>)[key] : undefined;
  }
  return value;
}

function typeName(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/** The candidate that a mistyped word most likely meant: at most a third of its letters differ. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase(), bestDistance);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Letters added, dropped, replaced, or swapped with their neighbour: the slips of a typing hand. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit || a.length > 200 || b.length > 200) return limit;
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let best = Math.min((previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1, replace);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, (before[j - 2] ?? 0) + 1);
      current.push(best);
    }
    before = previous;
    previous = current;
  }
  return previous[b.length] ?? limit;
}
