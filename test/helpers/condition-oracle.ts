import fc from 'fast-check';
import { Engine } from 'json-rules-engine';
import { ExactNumber, type JsonObject, type JsonValue } from '../../src/model/json.ts';
import { compileCondition, type Facts } from '../../src/rules/conditions.ts';

/*
 * json-rules-engine is the oracle, one fresh Engine a run. Intended differences are kept out of the generators; each is
 * shown by a test of its own in test/rules/conditions-oracle.test.ts.
 */

type Path = readonly (string | number)[];

const paths: Readonly<Record<string, Path>> = {
  '$.number': ['number'],
  '$.other': ['other'],
  '$.text': ['text'],
  '$.flag': ['flag'],
  '$.none': ['none'],
  '$.list': ['list'],
  "$['deep one'].list[1]": ['deep one', 'list', 1],
  '$.missing.field': ['missing', 'field'],
  '$.list[9]': ['list', 9],
};
const numbers = ['$.number', '$.other', "$['deep one'].list[1]"];
const scalars = [...numbers, '$.text', '$.flag', '$.none'];
const present = [...scalars, '$.list'];
const anywhere = Object.keys(paths);

const number = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.constantFrom(0.5, -1.5, 2.5));
const text = fc.constantFrom('', 'a', 'b', '1', '2.5', ' 3 ', '0x2', '1e0', '1abc', '-', 'Infinity');
const exact = fc.constantFrom('1.0', '-0', '25e-1', '3.00').map((digits) => new ExactNumber(digits));
const constant = fc.oneof(number, text, fc.boolean(), fc.constant(null));
const list = fc.array(fc.oneof(constant, exact), { maxLength: 4 });

/** Bodies that conditions of `group` may meet. */
export const msg: fc.Arbitrary<JsonObject> = fc
  .record({
    number: fc.oneof(number, exact),
    other: number,
    text,
    flag: fc.boolean(),
    none: fc.constant(null),
    list,
    inner: fc.tuple(constant, fc.oneof(number, exact)),
  })
  .map(({ inner, ...rest }): JsonObject => ({ ...rest, 'deep one': { list: [...inner] } }));

const ordered = ['lessThan', 'lessThanInclusive', 'greaterThan', 'greaterThanInclusive'];
const constants = fc.array(constant, { minLength: 1, maxLength: 4 });

function leafOf(operators: readonly string[], at: readonly string[], value: fc.Arbitrary<unknown>) {
  return fc.record({
    fact: fc.constant('msg'),
    path: fc.constantFrom(...at),
    operator: fc.constantFrom(...operators),
    value,
  });
}

function factOf(at: readonly string[]) {
  return fc.record({ fact: fc.constant('msg'), path: fc.constantFrom(...at) });
}

const leaf = fc.oneof(
  leafOf(['equal', 'contains', 'doesNotContain', 'someFact:equal'], anywhere, constant),
  leafOf(['notEqual', 'not:equal', 'not:notEqual', 'not:contains'], present, constant),
  leafOf(['equal', 'notEqual', 'contains', 'swap:equal'], present, factOf(present)),
  leafOf(['in'], anywhere, constants),
  leafOf(['notIn', 'someValue:equal', 'everyValue:notEqual', 'not:someValue:equal'], present, constants),
  leafOf(['in', 'notIn'], present, factOf(['$.list'])),
  leafOf(['swap:contains'], present, constants),
  leafOf(['swap:in'], ['$.list'], constant),
  leafOf(ordered, [...scalars, '$.missing.field'], number),
  leafOf(ordered, [...scalars], factOf(numbers)),
  leafOf(['swap:lessThan', 'not:swap:greaterThan'], numbers, number),
  leafOf(['everyFact:lessThan', 'someFact:greaterThan', 'not:everyFact:lessThan'], present, number),
  leafOf(['someFact:in', 'everyFact:in', 'everyFact:notIn'], present, constants),
  leafOf(['someValue:lessThan', 'everyValue:greaterThan'], scalars, fc.array(number, { minLength: 1, maxLength: 3 })),
  fc.record({
    fact: fc.constant('msgType'),
    operator: fc.constantFrom('equal', 'notEqual'),
    value: fc.constantFrom('A', 'B'),
  }),
  fc.record({
    fact: fc.constant('metadata'),
    path: fc.constant('$.number'),
    operator: fc.constantFrom(...ordered, 'equal', 'notEqual'),
    value: number,
  }),
);

/** Any condition, but for those that differ on purpose. */
export const { group } = fc.letrec<{ group: object; condition: object }>((tie) => ({
  condition: fc.oneof({ maxDepth: 3, depthSize: 'small' }, leaf, tie('group')),
  group: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    fc.record({ all: fc.array(tie('condition'), { minLength: 1, maxLength: 3 }) }),
    fc.record({ any: fc.array(tie('condition'), { minLength: 1, maxLength: 3 }) }),
    fc.record({ not: tie('condition') }),
  ),
}));

function plain(value: JsonValue): JsonValue {
  if (value instanceof ExactNumber) return value.valueOf();
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plain(member)]));
}

/** What json-rules-engine says. */
export async function oracle(conditions: object, facts: Facts): Promise<boolean> {
  const engine = new Engine([], {
    allowUndefinedFacts: true,
    pathResolver: (value: object, path: string) => {
      let found: unknown = value;
      for (const step of paths[path] ?? []) found = (found as Record<string | number, unknown> | undefined)?.[step];
      return found;
    },
  });
  engine.addRule({ conditions: structuredClone(conditions) as never, event: { type: 'true' } });
  const { events } = await engine.run({ ...facts, msg: plain(facts.msg) });
  return events.length === 1;
}

/** What the compiled condition says; throws when it is refused. */
export function ours(condition: object, facts: Facts): boolean {
  const compiled = compileCondition(condition);
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.issues));
  return compiled.test(facts);
}

const originator = { entityType: 'DEVICE', id: 'd' };
export const factsOf = (data: JsonValue): Facts => ({ msg: data, metadata: { number: '2' }, msgType: 'A', originator });
