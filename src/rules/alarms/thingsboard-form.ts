import type { JsonValue } from '../../model/json.ts';
import {
  type AlarmDefinition,
  type AlarmRule,
  type DataRef,
  detailsOf,
  namesOfKeys,
  type RuleSpec,
  refOf,
  sourceOf,
} from './alarm-rule.ts';
import type { FormReader } from './form-reader.ts';
import {
  BOOLEAN_OPERATIONS,
  booleanPredicate,
  joined,
  NUMERIC_OPERATIONS,
  numericPredicate,
  type Predicate,
  type Read,
  STRING_OPERATIONS,
  stringPredicate,
} from './predicates.ts';
import { amountOf, RuleReads, readCreateRules, readPropagation, unitOf, withoutRepeats } from './rule-parts.ts';
import { dynamicSchedule, readSchedule } from './schedule.ts';

type Wanted = 'text' | 'number' | 'flag';
const wordsOf = <K extends string>(operations: Readonly<Record<K, unknown>>) => Object.keys(operations) as K[];
export const STRING_WORDS = wordsOf(STRING_OPERATIONS);
export const NUMERIC_WORDS = wordsOf(NUMERIC_OPERATIONS);
export const BOOLEAN_WORDS = wordsOf(BOOLEAN_OPERATIONS);
/** What a device is known by; other fields of ThingsBoard's have no counterpart. */
const FIELDS = ['name', 'type'] as const;

/** The alarm rules of a device profile's export (thingsboard-rule-chains 6.3). Members it does not name are let be. */
export function readThingsBoardAlarms(form: FormReader): readonly AlarmDefinition[] {
  if (form.absent) return [];
  return withoutRepeats(
    form.list().map((at) => {
      const type = at.object().get('alarmType').text();
      const id = at.get('id').absent ? type : at.get('id').text();
      const clear = at.get('clearRule');
      const create = readCreateRules(at.get('createRules'), readRule);
      const propagation = readPropagation(at);
      return { at, alarm: { id, type, create, propagation, ...(clear.absent ? {} : { clear: readRule(clear) }) } };
    }),
  );
}

function readRule(form: FormReader): AlarmRule {
  const reads = new RuleReads();
  const condition = form.object().get('condition').object();
  const tests = condition
    .get('condition')
    .list(1)
    .map((filter) => readFilter(filter, reads));
  const spec = readSpec(condition.get('spec'), reads);
  const schedule = form.get('schedule');
  const planned = readSchedule(schedule);
  const dynamic = schedule.get('dynamicValue');
  const inForce: AlarmRule['inForce'] = dynamic.get('sourceAttribute').absent
    ? (view) => planned(view.ts)
    : dynamicSchedule(reads.first(chainOf(dynamic)), planned);
  const refs = [...reads.refs];
  const text = form.get('alarmDetails');
  const dashboard = form.get('dashboardId');
  const details = detailsOf(
    text.absent || text.value === '' ? undefined : text.text(),
    namesOfKeys(refs),
    dashboard.absent ? undefined : dashboard.get('id').text(),
  );
  const telemetry = refs.filter((ref) => sourceOf(ref) === 'telemetry');
  return {
    test: (view) => tests.every((test) => test(view)),
    inForce,
    spec,
    reads: refs,
    // A rule on telemetry waits for telemetry: a changed attribute alone does not wake it.
    wakesOn: new Set(telemetry.length > 0 ? telemetry : refs),
    silences: [],
    ...(details ? { details } : {}),
  };
}

function readFilter(form: FormReader, reads: RuleReads): AlarmRule['test'] {
  const key = form.object().get('key').object();
  const type = key.get('type').word(['ATTRIBUTE', 'TIME_SERIES', 'ENTITY_FIELD', 'CONSTANT'] as const);
  const constant = type === 'CONSTANT';
  const predicate = readPredicate(form.get('predicate'), reads, constant);
  if (constant) {
    const value = form.get('value').value as JsonValue | undefined;
    if (value === undefined || value === null) form.get('value').fail('a constant needs a value');
    return (view) => value !== undefined && value !== null && predicate(value, view);
  }
  const read = reads.first([keyRef(key, type ?? 'TIME_SERIES')]);
  return (view) => {
    const value = read(view);
    return value !== undefined && predicate(value, view);
  };
}

function keyRef(key: FormReader, type: 'ATTRIBUTE' | 'TIME_SERIES' | 'ENTITY_FIELD'): DataRef {
  const name = key.get('key');
  if (type === 'ENTITY_FIELD') return refOf('field', name.word(FIELDS) ?? 'name');
  return refOf(type === 'ATTRIBUTE' ? 'attributes' : 'telemetry', name.text());
}

function readPredicate(form: FormReader, reads: RuleReads, constant: boolean): Predicate {
  const type = form
    .object()
    .get('type')
    .word(['STRING', 'NUMERIC', 'BOOLEAN', 'COMPLEX'] as const);
  const operation = form.get('operation');
  const right = (wanted: Wanted) => readValue(form.get('value'), reads, { wanted, constant });
  switch (type) {
    case 'STRING':
      return stringPredicate(
        operation.word(STRING_WORDS) ?? 'EQUAL',
        right('text'),
        form.get('ignoreCase').flag(false),
      );
    case 'NUMERIC':
      return numericPredicate(operation.word(NUMERIC_WORDS) ?? 'EQUAL', right('number'));
    case 'BOOLEAN':
      return booleanPredicate(operation.word(BOOLEAN_WORDS) ?? 'EQUAL', right('flag'));
    case 'COMPLEX': {
      const parts = form.get('predicates').list(1);
      return joined(
        operation.word(['AND', 'OR'] as const) ?? 'AND',
        parts.map((part) => readPredicate(part, reads, constant)),
      );
    }
    case undefined:
      return () => false;
  }
}

/** `{defaultValue, dynamicValue}`. Beside a constant key a dynamic value that is not there makes the comparison false. */
function readValue(
  form: FormReader,
  reads: RuleReads,
  { wanted, constant }: { readonly wanted: Wanted; readonly constant: boolean },
): Read {
  const given = form.object().get('defaultValue');
  const dynamic = form.get('dynamicValue');
  const refs = dynamic.absent || dynamic.get('sourceAttribute').absent ? [] : chainOf(dynamic);
  let fallback: JsonValue | undefined;
  if (!given.absent || refs.length === 0) {
    // An empty text is a fair thing to compare with.
    if (wanted === 'text') fallback = given.value === '' ? '' : given.text();
    else fallback = wanted === 'number' ? given.number() : given.flag(false);
  }
  return reads.first(refs, constant && refs.length > 0 ? undefined : fallback);
}

/** Where a dynamic value is looked for, one after the other. */
function chainOf(form: FormReader): readonly DataRef[] {
  const source = form
    .get('sourceType')
    .word(['CURRENT_TENANT', 'CURRENT_CUSTOMER', 'CURRENT_USER', 'CURRENT_DEVICE'] as const);
  const attribute = form.get('sourceAttribute').text();
  const inherit = form.get('inherit').flag(false);
  const tenant = refOf('tenant', attribute);
  const customer = refOf('customer', attribute);
  switch (source) {
    case 'CURRENT_DEVICE':
      return [refOf('attributes', attribute), ...(inherit ? [customer, tenant] : [])];
    case 'CURRENT_CUSTOMER':
      return [customer, ...(inherit ? [tenant] : [])];
    case 'CURRENT_TENANT':
      return [tenant];
    default:
      return []; // Nobody is logged in where rules are evaluated.
  }
}

function readSpec(form: FormReader, reads: RuleReads): RuleSpec {
  if (form.absent) return { type: 'simple' };
  const type = form.get('type').word(['SIMPLE', 'DURATION', 'REPEATING'] as const, 'SIMPLE');
  if (type === undefined || type === 'SIMPLE') return { type: 'simple' };
  // Before version 3.3 the number stood in the open.
  const former = form.get(type === 'DURATION' ? 'value' : 'count');
  const predicate = form.get('predicate');
  const given = predicate.absent ? former : predicate.get('defaultValue');
  const fallback = given.number({ least: type === 'DURATION' ? 0 : 1 });
  const dynamic = predicate.get('dynamicValue');
  const read = reads.first(dynamic.absent || dynamic.get('sourceAttribute').absent ? [] : chainOf(dynamic), fallback);
  return type === 'DURATION'
    ? { type: 'duration', ms: amountOf(read, fallback, unitOf(form.get('unit'))) }
    : { type: 'repeating', count: amountOf(read, fallback) };
}
