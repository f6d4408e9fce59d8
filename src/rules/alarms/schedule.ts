import { type JsonValue, stringifyJson } from '../../model/json.ts';
import type { AlarmView } from './alarm-rule.ts';
import { FormReader } from './form-reader.ts';
import type { Read } from './predicates.ts';

/** Whether a rule is in force at a time. */
export type Schedule = (ts: number) => boolean;

const DAY_MS = 86_400_000;
const WEEKDAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

interface DayPlan {
  /** 1 = Monday … 7 = Sunday. */
  readonly day: number;
  readonly startsOn: number;
  /** 0 = the end of the day. */
  readonly endsOn: number;
}

/**
 * In force on the days of a week, by the wall clock of a time zone, summer time or not: start ≤ t < end; a start behind the
 * end reaches over midnight, where the next day must be planned itself (thingsboard-rule-chains 6.4).
 */
export function weekly(timeZone: string, plans: readonly DayPlan[]): Schedule {
  const clock = new Intl.DateTimeFormat('en-US', {
    timeZone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  });
  return (ts) => {
    const parts = Object.fromEntries(clock.formatToParts(ts).map(({ type, value }) => [type, value]));
    const day = WEEKDAYS.indexOf(parts.weekday ?? '') + 1;
    const seconds = Number(parts.hour) * 3_600 + Number(parts.minute) * 60 + Number(parts.second);
    const at = seconds * 1_000 + (((ts % 1_000) + 1_000) % 1_000);
    return plans.some((plan) => {
      if (plan.day !== day) return false;
      const endsOn = plan.endsOn === 0 ? DAY_MS : plan.endsOn;
      return plan.startsOn <= endsOn ? plan.startsOn <= at && at < endsOn : plan.startsOn <= at || at < endsOn;
    });
  };
}

export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

export const ALWAYS: Schedule = () => true;

/** ThingsBoard's schedule; notes what is wrong. */
export function readSchedule(form: FormReader): Schedule {
  if (form.absent) return ALWAYS;
  const type = form.get('type').word(['ANY_TIME', 'SPECIFIC_TIME', 'CUSTOM'], 'ANY_TIME');
  if (type === undefined || type === 'ANY_TIME') return ALWAYS;
  const zone = form.get('timezone');
  const timeZone = zone.text();
  if (timeZone !== '' && !isTimeZone(timeZone)) zone.fail('is no time zone', 'such as Europe/Madrid');
  const time = (plan: FormReader, key: string): number =>
    plan.get(key).absent ? 0 : plan.get(key).number({ least: 0, most: DAY_MS });
  const day = (one: FormReader): number => one.number({ least: 1, most: 7 });
  const plans =
    type === 'SPECIFIC_TIME'
      ? form
          .get('daysOfWeek')
          .list()
          .map((one) => ({ day: day(one), startsOn: time(form, 'startsOn'), endsOn: time(form, 'endsOn') }))
      : form
          .get('items')
          .list()
          .filter((item) => item.get('enabled').flag(true))
          .map((item) => ({
            day: day(item.get('dayOfWeek')),
            startsOn: time(item, 'startsOn'),
            endsOn: time(item, 'endsOn'),
          }));
  return isTimeZone(timeZone) ? weekly(timeZone, plans) : ALWAYS;
}

/** A schedule that an attribute may hold, as ThingsBoard's JSON; what cannot be read is as if it were not there. */
export function dynamicSchedule(read: Read, otherwise: Schedule): (view: AlarmView) => boolean {
  let known: { readonly text: string; readonly schedule: Schedule } | undefined;
  return (view) => {
    const value = read(view);
    if (value === undefined) return otherwise(view.ts);
    const text = typeof value === 'string' ? value : stringifyJson(value);
    if (known?.text !== text) known = { text, schedule: parsed(text) ?? otherwise };
    return known.schedule(view.ts);
  };
}

function parsed(text: string): Schedule | undefined {
  let value: JsonValue;
  try {
    value = JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
  const form = new FormReader(value);
  const schedule = readSchedule(form.object());
  return form.issues.length === 0 ? schedule : undefined;
}
