import type { JsonObject } from '../../model/json.ts';
import { parsePath } from '../condition-path.ts';
import { compileCondition } from '../conditions.ts';
import { setOwn } from '../record.ts';
import {
  type AlarmDefinition,
  type AlarmRule,
  type AlarmView,
  type DataRef,
  type DataSource,
  detailsOf,
  keyOf,
  namesOfKeys,
  type RuleSpec,
  refOf,
  sourceOf,
} from './alarm-rule.ts';
import type { FormReader } from './form-reader.ts';
import { RuleReads, readCreateRules, readPropagation, withoutRepeats } from './rule-parts.ts';
import { ALWAYS, isTimeZone, type Schedule, weekly } from './schedule.ts';

const FACTS = ['telemetry', 'attributes', 'customer', 'tenant'] as const satisfies readonly DataSource[];
const DAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'] as const;
const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const PROPAGATION = ['propagate', 'propagateToOwner', 'propagateToTenant', 'propagateRelationTypes'];

/**
 * The `alarms` of a native profile: conditions in the format of json-rules-engine over the facts `telemetry`, `attributes`,
 * `customer` and `tenant`, where a path names the key: `{"fact": "telemetry", "path": "$.temperature", …}`.
 */
export function readNativeAlarms(form: FormReader): readonly AlarmDefinition[] {
  if (form.absent) return [];
  return withoutRepeats(
    form.list().map((at) => {
      at.object().only('type', 'create', 'clear', ...PROPAGATION);
      const type = at.get('type').text();
      const clear = at.get('clear');
      const create = readCreateRules(at.get('create'), readRule);
      const propagation = readPropagation(at);
      return {
        at,
        alarm: { id: type, type, create, propagation, ...(clear.absent ? {} : { clear: readRule(clear) }) },
      };
    }),
  );
}

function readRule(form: FormReader): AlarmRule {
  form.object().only('when', 'noData', 'for', 'times', 'schedule', 'details');
  const reads = new RuleReads();
  const [when, noData] = [form.get('when'), form.get('noData')];
  if (when.absent === noData.absent) form.fail('needs "when" or "noData", and not both');
  const test = noData.absent ? readWhen(when, reads) : readNoData(noData, reads);
  const spec = readSpec(form);
  if (!noData.absent && spec.type !== 'simple')
    form.fail('"noData" has a time of its own: it goes without "for" and "times"');
  const refs = [...reads.refs];
  const schedule = readWeek(form.get('schedule'));
  const text = form.get('details');
  const details = detailsOf(text.absent ? undefined : text.text(), namesOfKeys(refs));
  return {
    test,
    inForce: (view) => schedule(view.ts),
    spec,
    reads: refs,
    wakesOn: new Set(refs),
    silences: reads.silences,
    ...(details ? { details } : {}),
  };
}

function readSpec(form: FormReader): RuleSpec {
  const [duration, times] = [form.get('for'), form.get('times')];
  if (!duration.absent && !times.absent) times.fail('goes without "for"');
  if (!duration.absent) {
    const ms = readTime(duration);
    return { type: 'duration', ms: () => ms };
  }
  if (times.absent) return { type: 'simple' };
  const count = times.number({ least: 1, most: 1_000_000 });
  return { type: 'repeating', count: () => count };
}

function readNoData(form: FormReader, reads: RuleReads): AlarmRule['test'] {
  form.object().only('telemetry', 'for');
  const ref = refOf('telemetry', form.get('telemetry').text());
  const ms = readTime(form.get('for'));
  return reads.silent(ref, () => ms);
}

function readTime(form: FormReader): number {
  const text = form.text();
  const [, digits, unit = ''] = /^([1-9]\d{0,8})([smhd])$/.exec(text) ?? [];
  if (digits === undefined && text !== '') form.fail('is no time', 'such as 45s, 10m, 12h, 7d');
  return Number(digits ?? 0) * (UNITS[unit] ?? 0);
}

function readWhen(form: FormReader, reads: RuleReads): AlarmRule['test'] {
  const facts = form.absent ? undefined : withPaths(form, reads);
  if (facts === undefined) return () => false;
  const compiled = compileCondition(facts);
  if (!compiled.ok) {
    for (const { at, problem, hint } of compiled.issues) {
      form.issues.push({ at: form.at + at, problem, ...(hint === undefined ? {} : { hint }) });
    }
    return () => false;
  }
  const refs = [...reads.refs];
  return (view) => compiled.test(factsOf(view, refs));
}

function factsOf(view: AlarmView, refs: readonly DataRef[]) {
  const msg: Record<string, JsonObject> = {};
  for (const source of FACTS) msg[source] = {};
  for (const ref of refs) {
    const value = view.value(ref);
    const group = msg[sourceOf(ref)];
    if (value !== undefined && group !== undefined) setOwn(group, keyOf(ref), value);
  }
  return { msg, metadata: {}, msgType: '', originator: { entityType: 'DEVICE', id: '' } };
}

/** The condition with our facts as members of one, which is what compileCondition knows; notes what it reads. */
function withPaths(form: FormReader, reads: RuleReads, nesting = 0): unknown {
  const { value } = form;
  if (value === null || typeof value !== 'object' || nesting > 100) return value;
  if (Array.isArray(value)) return form.list().map((item) => withPaths(item, reads, nesting + 1));
  const copy: Record<string, unknown> = {};
  for (const [key, member] of form.members()) setOwn(copy, key, withPaths(member, reads, nesting + 1));
  if (!Object.hasOwn(copy, 'fact')) return copy;
  const fact = form.get('fact').word(FACTS);
  const path = form.get('path');
  const parsed = typeof path.value === 'string' ? parsePath(path.value) : undefined;
  const [key] = parsed?.ok ? parsed.steps : [];
  if (typeof key !== 'string') path.fail('must name a key', 'such as $.temperature');
  if (fact === undefined || typeof key !== 'string') return { ...copy, fact: 'msg', path: '$' };
  reads.refs.add(refOf(fact, key));
  return { ...copy, fact: 'msg', path: `$.${fact}${String(path.value).slice(1)}` };
}

function readWeek(form: FormReader): Schedule {
  if (form.absent) return ALWAYS;
  form.object().only('timezone', 'days', 'from', 'to');
  const zone = form.get('timezone');
  const timeZone = zone.text();
  const days = form.get('days');
  const plans = (
    days.absent ? DAYS.map((_, index) => index) : days.list(1).map((one) => DAYS.indexOf(one.word(DAYS) ?? 'Mon'))
  ).map((index) => ({ day: index + 1, startsOn: readClock(form.get('from')), endsOn: readClock(form.get('to')) }));
  if (isTimeZone(timeZone)) return weekly(timeZone, plans);
  if (timeZone !== '') zone.fail('is no time zone', 'such as Europe/Madrid');
  return ALWAYS;
}

function readClock(form: FormReader): number {
  if (form.absent) return 0;
  const [, hours, minutes] = /^([01]\d|2[0-4]):([0-5]\d)$/.exec(form.text()) ?? [];
  if (hours === undefined) form.fail('is no time of day', 'such as 06:30');
  return Number(hours ?? 0) * 3_600_000 + Number(minutes ?? 0) * 60_000;
}
