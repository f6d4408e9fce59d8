import type { JsonValue } from '../../model/json.ts';
import { type AlarmDefinition, type AlarmRule, type DataRef, detailsOf, type RuleSpec, refOf } from './alarm-rule.ts';
import type { FormReader } from './form-reader.ts';
import {
  booleanPredicate,
  joined,
  numericPredicate,
  type Predicate,
  type Read,
  stringPredicate,
} from './predicates.ts';
import { amountOf, RuleReads, readCreateRules, readPropagation, unitOf, withoutRepeats } from './rule-parts.ts';
import { ALWAYS, dynamicSchedule, readSchedule } from './schedule.ts';
import { BOOLEAN_WORDS, NUMERIC_WORDS, STRING_WORDS } from './thingsboard-form.ts';

/** A named input of a calculated field: where it is looked for, one after the other, and what it is otherwise. */
interface Argument {
  readonly refs: readonly DataRef[];
  readonly fallback: JsonValue | undefined;
}
type Arguments = ReadonlyMap<string, Argument>;
interface Scope {
  readonly known: Arguments;
  readonly reads: RuleReads;
}

/** Alarm rules as calculated fields of the type ALARM (thingsboard-rule-chains 6.5). Fields of types that are not wanted are passed over. */
export function readCalculatedFields(
  form: FormReader,
  wants: (type: FormReader) => boolean = () => true,
): readonly AlarmDefinition[] {
  if (form.absent) return [];
  return withoutRepeats(
    form
      .list()
      .filter((at) => wants(at.get('type')))
      .map((at) => {
        const type = at.object().get('name').text();
        at.get('type').word(['ALARM'] as const);
        const configuration = at.get('configuration').object();
        const known = readArguments(configuration.get('arguments'));
        const readRule = (rule: FormReader) => readRuleOf(rule, known);
        const clear = configuration.get('clearRule');
        const create = readCreateRules(configuration.get('createRules'), readRule);
        const propagation = readPropagation(configuration);
        return {
          at,
          alarm: {
            id: `field:${type}`,
            type,
            create,
            propagation,
            ...(clear.absent ? {} : { clear: readRule(clear) }),
          },
        };
      }),
  );
}

function readArguments(form: FormReader): Arguments {
  return new Map(
    form.members().map(([name, one]) => {
      const ref = one.get('refEntityKey').object();
      const type = ref.get('type').word(['TS_LATEST', 'ATTRIBUTE'] as const) ?? 'TS_LATEST';
      const key = ref.get('key').text();
      const given = one.get('defaultValue');
      const fallback = given.absent ? undefined : scalarOf(given.text());
      return [name, { refs: sourcesOf(one, type, key), fallback }] as const;
    }),
  );
}

function sourcesOf(form: FormReader, type: 'TS_LATEST' | 'ATTRIBUTE', key: string): readonly DataRef[] {
  const entity = form.get('refEntityId');
  const dynamic = form.get('refDynamicSourceConfiguration');
  if (entity.absent && dynamic.absent) return [refOf(type === 'ATTRIBUTE' ? 'attributes' : 'telemetry', key)];
  if (type !== 'ATTRIBUTE') form.get('refEntityKey').get('type').fail('of other entities only ATTRIBUTE can be read');
  if (!dynamic.absent) {
    dynamic.get('type').word(['CURRENT_OWNER'] as const);
    return [refOf('customer', key), refOf('tenant', key)];
  }
  const source = entity.get('entityType').word(['TENANT'] as const);
  return source === undefined ? [] : [refOf('tenant', key)];
}

function readRuleOf(form: FormReader, known: Arguments): AlarmRule {
  const reads = new RuleReads();
  const scope = { known, reads };
  const condition = form.object().get('condition').object();
  const test = readExpression(condition.get('expression').object(), scope);
  const spec = readSpec(condition, scope);
  if (reads.silences.length > 0 && spec.type !== 'simple') {
    condition.get('type').fail('NO_DATA goes with SIMPLE only');
  }
  const inForce = readInForce(condition.get('schedule'), scope);
  const refs = [...reads.refs];
  const text = form.get('alarmDetails');
  const dashboard = form.get('dashboardId');
  const details = detailsOf(
    text.absent || text.value === '' ? undefined : text.text(),
    namesOf(known),
    dashboard.absent ? undefined : dashboard.get('id').text(),
  );
  const { silences } = reads;
  return { test, inForce, spec, reads: refs, wakesOn: new Set(refs), silences, ...(details ? { details } : {}) };
}

function readInForce(form: FormReader, scope: Scope): AlarmRule['inForce'] {
  if (form.absent) return () => true;
  const argument = form.get('dynamicValueArgument');
  if (!argument.absent) return dynamicSchedule(readArgument(argument, scope), ALWAYS);
  const schedule = readSchedule(form.get('staticValue'));
  return (view) => schedule(view.ts);
}

function readExpression(form: FormReader, scope: Scope): AlarmRule['test'] {
  const type = form.get('type');
  if (type.value === 'TBEL') {
    type.fail('a condition as a TBEL script is not supported', 'write it with filters');
    return () => false;
  }
  type.word(['SIMPLE'] as const, 'SIMPLE');
  const filters = form
    .get('filters')
    .list(1)
    .map((filter) => readFilter(filter, scope));
  return form.get('operation').word(['AND', 'OR'] as const, 'AND') === 'OR'
    ? (view) => filters.some((filter) => filter(view))
    : (view) => filters.every((filter) => filter(view));
}

function readFilter(form: FormReader, scope: Scope): AlarmRule['test'] {
  const argument = form.object().get('argument');
  const read = readArgument(argument, scope);
  const [ref] = scope.known.get(String(argument.value))?.refs ?? [];
  const operation = form.get('operation').word(['AND', 'OR'] as const, 'AND') ?? 'AND';
  const predicates = form
    .get('predicates')
    .list(1)
    .map((one) => readPredicate(one, { ...scope, ref }));
  const test = joined(operation, predicates);
  return (view) => {
    const value = read(view);
    return value !== undefined && test(value, view);
  };
}

function readPredicate(form: FormReader, scope: Scope & { readonly ref: DataRef | undefined }): Predicate {
  const type = form
    .object()
    .get('type')
    .word(['STRING', 'NUMERIC', 'BOOLEAN', 'COMPLEX', 'NO_DATA'] as const);
  const operation = form.get('operation');
  const right = (): Read => readValue(form.get('value'), scope);
  switch (type) {
    case 'STRING':
      return stringPredicate(operation.word(STRING_WORDS) ?? 'EQUAL', right(), form.get('ignoreCase').flag(false));
    case 'NUMERIC':
      return numericPredicate(operation.word(NUMERIC_WORDS) ?? 'EQUAL', right());
    case 'BOOLEAN':
      return booleanPredicate(operation.word(BOOLEAN_WORDS) ?? 'EQUAL', right());
    case 'COMPLEX': {
      const parts = form.get('predicates').list(1);
      return joined(
        operation.word(['AND', 'OR'] as const, 'AND') ?? 'AND',
        parts.map((part) => readPredicate(part, scope)),
      );
    }
    case 'NO_DATA': {
      const ms = amountOf(readValue(form.get('duration'), scope), Number.POSITIVE_INFINITY, unitOf(form.get('unit')));
      const silent = scope.ref === undefined ? () => false : scope.reads.silent(scope.ref, ms);
      return (_, view) => silent(view);
    }
    case undefined:
      return () => false;
  }
}

function readSpec(form: FormReader, scope: Scope): RuleSpec {
  const type = form.get('type').word(['SIMPLE', 'DURATION', 'REPEATING'] as const, 'SIMPLE');
  switch (type) {
    case 'DURATION': {
      const ms = amountOf(readValue(form.get('value'), scope), Number.POSITIVE_INFINITY, unitOf(form.get('unit')));
      return { type: 'duration', ms };
    }
    case 'REPEATING':
      return { type: 'repeating', count: amountOf(readValue(form.get('count'), scope), Number.POSITIVE_INFINITY) };
    default:
      return { type: 'simple' };
  }
}

/** Exactly one of `{staticValue}` and `{dynamicValueArgument}`. */
function readValue(form: FormReader, scope: Scope): Read {
  const fixed = form.object().get('staticValue');
  const argument = form.get('dynamicValueArgument');
  if (fixed.absent === argument.absent) form.fail('needs staticValue or dynamicValueArgument, and not both');
  if (!argument.absent) return readArgument(argument, scope);
  const { value } = fixed;
  return () => value as JsonValue;
}

function readArgument(form: FormReader, { known, reads }: Scope): Read {
  const argument = known.get(form.text());
  if (argument !== undefined) return reads.first(argument.refs, argument.fallback);
  if (form.value)
    form.fail(`there is no argument "${String(form.value)}"`, `there are: ${[...known.keys()].join(', ')}`);
  return () => undefined;
}

/** Details name arguments, not keys. */
function namesOf(known: Arguments): ReadonlyMap<string, readonly DataRef[]> {
  return new Map([...known].map(([name, { refs }]) => [name, refs] as const));
}

function scalarOf(text: string): JsonValue {
  try {
    const value = JSON.parse(text) as JsonValue;
    return typeof value === 'object' ? text : value;
  } catch {
    return text;
  }
}
