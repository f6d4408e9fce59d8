import { ExactNumber, type JsonValue } from '../model/json.ts';
import { nearest } from '../schema/validate.ts';
import { decorators, findOperator, type Operator, operators, scalar } from './condition-operators.ts';
import { compilePath, type PathStep, parsePath } from './condition-path.ts';
import { type ConditionFact, conditionFacts } from './condition-schema.ts';

export { conditionSchema } from './condition-schema.ts';

/** What conditions may look at. */
export interface Facts {
  readonly msg: JsonValue;
  readonly metadata: Readonly<Record<string, string>>;
  readonly msgType: string;
  readonly originator: { readonly entityType: string; readonly id: string; readonly name?: string };
}

export interface ConditionIssue {
  /** JSON pointer into the condition. */
  readonly at: string;
  readonly problem: string;
  readonly hint?: string;
}

export type ConditionResult =
  | { readonly ok: true; test(facts: Facts): boolean }
  | { readonly ok: false; readonly issues: readonly ConditionIssue[] };

type Test = (facts: Facts) => boolean;
type Read = (facts: Facts) => unknown;
type JsonObject = Readonly<Record<string, unknown>>;

const MAX_NESTING = 32;
const GROUPS = ['all', 'any', 'not'];
const LEAF_KEYS = ['fact', 'operator', 'value', 'path', 'priority', 'name'];
const ALL_OPERATORS = [...Object.keys(operators), 'exists', 'absent'];
const ORIGINATOR_FIELDS = ['entityType', 'id', 'name'];
const never: Test = () => false;

/**
 * Compiles a condition of json-rules-engine's format to a closure: synchronous, pure, under a microsecond for a few
 * leaves. A leaf whose fact, or right-hand fact, is missing is false, whatever its operator; ask with `exists` or
 * `absent`. Numbers with kept text compare by value. Everything that can be wrong is found here, never at run time.
 */
export function compileCondition(json: unknown): ConditionResult {
  const compiler = new Compiler();
  const test = compiler.root(json);
  return compiler.issues.length === 0 ? { ok: true, test } : { ok: false, issues: compiler.issues };
}

class Compiler {
  readonly issues: ConditionIssue[] = [];

  root(json: unknown): Test {
    if (isObject(json) && Object.hasOwn(json, 'fact')) {
      return this.#issue('', 'a condition begins with all, any or not', 'write {"all": [{"fact": …}]}');
    }
    return this.#condition(json, '', 1);
  }

  #condition(json: unknown, at: string, nesting: number): Test {
    if (!isObject(json)) return this.#issue(at, 'expected a condition: an object with all, any, not or fact');
    if (nesting > MAX_NESTING) return this.#issue(at, `conditions are nested deeper than ${MAX_NESTING}`);
    const words = GROUPS.filter((word) => Object.hasOwn(json, word));
    const [word] = words;
    if (word === undefined) return this.#leaf(json, at);
    this.#checkKeys(json, at, [word, 'priority', 'name']);
    if (words.length > 1) return never;
    const content = json[word];
    if (word === 'not') {
      const inner = this.#condition(content, `${at}/not`, nesting + 1);
      return (facts) => !inner(facts);
    }
    if (!Array.isArray(content)) return this.#issue(`${at}/${word}`, 'expected a list of conditions');
    if (content.length === 0) {
      return this.#issue(
        `${at}/${word}`,
        `an empty ${word} is always true in json-rules-engine`,
        'name at least one condition',
      );
    }
    const tests = content.map((item, index) => this.#condition(item, `${at}/${word}/${index}`, nesting + 1));
    return word === 'all' ? allOf(tests) : anyOf(tests);
  }

  #leaf(json: JsonObject, at: string): Test {
    if (Object.hasOwn(json, 'condition')) {
      return this.#issue(`${at}/condition`, 'shared named conditions are not supported', 'write the condition here');
    }
    this.#checkKeys(json, at, LEAF_KEYS);
    const read = this.#fact(json, at);
    const name = json.operator;
    if (typeof name !== 'string')
      return this.#issue(`${at}/operator`, 'expected the name of an operator', nameList(ALL_OPERATORS));
    if (name === 'exists' || name === 'absent') return this.#presence(json, at, name, read);
    const operator = findOperator(name);
    if (operator === undefined) return this.#issue(`${at}/operator`, `unknown operator "${name}"`, operatorHint(name));
    if (!Object.hasOwn(json, 'value')) return this.#issue(`${at}/value`, `the operator ${name} needs a value`);
    return this.#comparison(json.value, `${at}/value`, operator, read);
  }

  #presence(json: JsonObject, at: string, name: 'exists' | 'absent', read: Read): Test {
    if (Object.hasOwn(json, 'value') && json.value !== true) {
      const other = name === 'exists' ? 'absent' : 'exists';
      return this.#issue(`${at}/value`, `${name} takes no value but true`, `for the opposite write ${other}`);
    }
    return name === 'exists' ? (facts) => read(facts) !== undefined : (facts) => read(facts) === undefined;
  }

  #comparison(value: unknown, at: string, { refuse, prepare, test, constantOnly }: Operator, read: Read): Test {
    if (isObject(value) && Object.hasOwn(value, 'fact')) {
      this.#checkKeys(value, at, ['fact', 'path']);
      const readRight = this.#fact(value, at);
      if (constantOnly) return this.#issue(at, 'this operator needs a constant, not a fact');
      return (facts) => {
        const left = scalar(read(facts));
        const right = scalar(readRight(facts));
        return left !== undefined && right !== undefined && test(left, right);
      };
    }
    const problem = refuse(value);
    if (problem !== undefined) return this.#issue(at, problem);
    const right = prepare(value);
    return (facts) => {
      const left = scalar(read(facts));
      return left !== undefined && test(left, right);
    };
  }

  /** The reader of `{fact, path}`. */
  #fact(json: JsonObject, at: string): Read {
    const fact = json.fact;
    if (!isFact(fact)) {
      const near = typeof fact === 'string' ? nearest(fact, conditionFacts) : undefined;
      const problem = fact === undefined ? 'a fact is missing' : 'unknown fact';
      return this.#issue(
        `${at}/fact`,
        problem,
        near === undefined ? nameList(conditionFacts) : `did you mean "${near}"?`,
      );
    }
    const steps = this.#path(json, at);
    if (steps === undefined) return never;
    const problem = pathProblem(fact, steps);
    if (problem !== undefined) return this.#issue(`${at}/path`, problem.problem, problem.hint);
    const find = compilePath(steps);
    switch (fact) {
      case 'msg':
        return (facts) => find(facts.msg);
      case 'metadata':
        return (facts) => find(facts.metadata);
      case 'msgType':
        return (facts) => facts.msgType;
      case 'originator':
        return (facts) => find(facts.originator);
    }
  }

  #path(json: JsonObject, at: string): readonly PathStep[] | undefined {
    const path = Object.hasOwn(json, 'path') ? json.path : '$';
    const parsed = typeof path === 'string' ? parsePath(path) : undefined;
    if (parsed?.ok) return parsed.steps;
    this.#issue(`${at}/path`, parsed?.problem ?? 'expected a path such as $.a.b', parsed?.hint);
    return undefined;
  }

  #checkKeys(json: JsonObject, at: string, known: readonly string[]): void {
    for (const key of Object.keys(json)) {
      if (known.includes(key)) continue;
      const place = `${at}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
      if (key === 'params') this.#issue(place, 'facts take no parameters here');
      else if (GROUPS.includes(key) || LEAF_KEYS.includes(key))
        this.#issue(place, `${key} does not go with ${known[0]}`, 'nest one in the other');
      else this.#issue(place, 'unknown key', nameList(known));
    }
  }

  /** Notes an issue; gives a test that stands in for the one that could not be made. */
  #issue(at: string, problem: string, hint?: string): Test {
    this.issues.push(hint === undefined ? { at, problem } : { at, problem, hint });
    return never;
  }
}

function pathProblem(fact: ConditionFact, steps: readonly PathStep[]): Omit<ConditionIssue, 'at'> | undefined {
  if (fact === 'msg') return undefined;
  if (fact === 'msgType') return steps.length === 0 ? undefined : { problem: 'msgType is a text: it has no path' };
  if (steps.length === 1 && typeof steps[0] === 'string') {
    if (fact === 'metadata' || ORIGINATOR_FIELDS.includes(steps[0])) return undefined;
    return { problem: 'unknown field of the originator', hint: nameList(ORIGINATOR_FIELDS) };
  }
  if (fact === 'originator') return { problem: 'originator needs the path of one field', hint: '"$.name"' };
  return {
    problem: 'metadata is flat: its path names one key',
    hint: `"$.deviceName", or "$['a.b']" for a key with a point`,
  };
}

function operatorHint(name: string): string {
  const parts = name.split(':');
  const last = nearest(parts.pop() ?? '', ALL_OPERATORS);
  if (last === undefined || parts.some((part) => !Object.hasOwn(decorators, part))) return nameList(ALL_OPERATORS);
  return last === name ? nameList(ALL_OPERATORS) : `did you mean "${[...parts, last].join(':')}"?`;
}

function nameList(names: readonly string[]): string {
  return `one of ${names.join(', ')}`;
}

function allOf(tests: readonly Test[]): Test {
  const [first = never, second] = tests;
  if (second === undefined) return first;
  return (facts) => {
    for (const test of tests) if (!test(facts)) return false;
    return true;
  };
}

function anyOf(tests: readonly Test[]): Test {
  const [first = never, second] = tests;
  if (second === undefined) return first;
  return (facts) => {
    for (const test of tests) if (test(facts)) return true;
    return false;
  };
}

function isFact(value: unknown): value is ConditionFact {
  return conditionFacts.some((fact) => fact === value);
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof ExactNumber);
}
