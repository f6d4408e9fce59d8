import { ALARM_SEVERITIES, type AlarmPropagation } from '../../model/alarm.ts';
import type { JsonValue } from '../../model/json.ts';
import type { AlarmDefinition, AlarmRule, Amount, CreateRule, DataRef } from './alarm-rule.ts';
import type { FormReader } from './form-reader.ts';
import { numberOf, type Read } from './predicates.ts';

// What the three forms of alarm rules have in common.

export const UNIT_MS = { SECONDS: 1_000, MINUTES: 60_000, HOURS: 3_600_000, DAYS: 86_400_000 } as const;
const UNITS = Object.keys(UNIT_MS) as readonly (keyof typeof UNIT_MS)[];

export const unitOf = (form: FormReader): number => UNIT_MS[form.word(UNITS) ?? 'SECONDS'];

/** Notes what one rule reads while it is compiled. */
export class RuleReads {
  readonly refs = new Set<DataRef>();
  readonly silences: { readonly ref: DataRef; readonly ms: Amount }[] = [];

  /** The first of these that is known, else the fallback. */
  first(refs: readonly DataRef[], fallback?: JsonValue): Read {
    for (const ref of refs) this.refs.add(ref);
    return (view) => {
      for (const ref of refs) {
        const value = view.value(ref);
        if (value !== undefined) return value;
      }
      return fallback;
    };
  }

  /** True when nothing has been heard for so long; false when nothing ever was. */
  silent(ref: DataRef, ms: Amount): AlarmRule['test'] {
    this.refs.add(ref);
    this.silences.push({ ref, ms });
    return (view) => {
      const heardAt = view.heardAt(ref);
      return heardAt !== undefined && view.ts - heardAt >= ms(view);
    };
  }
}

/** What cannot be read as a number is the fallback. */
export const amountOf =
  (read: Read, fallback: number, unit = 1): Amount =>
  (view) =>
    (numberOf(read(view)) ?? fallback) * unit;

/** Rules by severity, gravest first. */
export function readCreateRules(form: FormReader, readRule: (rule: FormReader) => AlarmRule): readonly CreateRule[] {
  const members = new Map(form.members());
  for (const [severity, rule] of members) {
    if (!ALARM_SEVERITIES.some((one) => one === severity)) {
      rule.fail(`${severity} is no severity`, `one of ${ALARM_SEVERITIES.join(', ')}`);
    }
  }
  if (members.size === 0) form.fail('needs a rule for at least one severity');
  return ALARM_SEVERITIES.flatMap((severity) => {
    const rule = members.get(severity);
    return rule === undefined || rule.absent ? [] : [{ severity, ...readRule(rule) }];
  });
}

export function readPropagation(form: FormReader): AlarmPropagation {
  const types = form.get('propagateRelationTypes');
  return {
    propagate: form.get('propagate').flag(false),
    propagateToOwner: form.get('propagateToOwner').flag(false),
    propagateToTenant: form.get('propagateToTenant').flag(false),
    propagateRelationTypes: types.absent ? [] : types.list().map((one) => one.text()),
  };
}

/** Notes types that come twice: an alarm is found by its type. */
export function withoutRepeats(found: readonly { readonly at: FormReader; readonly alarm: AlarmDefinition }[]) {
  const types = new Set<string>();
  const ids = new Set<string>();
  for (const { at, alarm } of found) {
    if (types.has(alarm.type)) at.fail(`there is another alarm of the type "${alarm.type}"`);
    else if (ids.has(alarm.id)) at.fail(`there is another alarm with the id "${alarm.id}"`);
    types.add(alarm.type);
    ids.add(alarm.id);
  }
  return found.map(({ alarm }) => alarm);
}
