import type { AlarmPropagation, AlarmSeverity } from '../../model/alarm.ts';
import { type JsonValue, stringifyJson } from '../../model/json.ts';

// The one form that alarm rules have, whichever file they come from.

export const DATA_SOURCES = ['telemetry', 'attributes', 'customer', 'tenant', 'field'] as const;
/** `attributes`: the device's of any scope; `customer`, `tenant`: their server attributes; `field`: its name and profile. */
export type DataSource = (typeof DATA_SOURCES)[number];

/** One thing that rules look at, such as `telemetry/temperature`. */
export type DataRef = `${DataSource}/${string}`;
export const refOf = (source: DataSource, key: string): DataRef => `${source}/${key}`;
export const sourceOf = (ref: DataRef): DataSource => ref.slice(0, ref.indexOf('/')) as DataSource;
export const keyOf = (ref: DataRef): string => ref.slice(ref.indexOf('/') + 1);

/** What is known of a device at the moment of an evaluation. */
export interface AlarmView {
  /** The time that is looked at, ms: of the sample, or now. */
  readonly ts: number;
  value(ref: DataRef): JsonValue | undefined;
  /** When it was heard last; undefined: never. */
  heardAt(ref: DataRef): number | undefined;
}

/** A number of a rule: fixed, or read anew at each evaluation. */
export type Amount = (view: AlarmView) => number;

export type RuleSpec =
  | { readonly type: 'simple' }
  /** True for longer than this, ms. */
  | { readonly type: 'duration'; readonly ms: Amount }
  /** True this often in a row. */
  | { readonly type: 'repeating'; readonly count: Amount };

export interface AlarmRule {
  readonly test: (view: AlarmView) => boolean;
  /** Whether the rule is in force at the view's time. */
  readonly inForce: (view: AlarmView) => boolean;
  readonly spec: RuleSpec;
  /** Everything the rule reads. */
  readonly reads: readonly DataRef[];
  /** What it is evaluated for when it changes. */
  readonly wakesOn: ReadonlySet<DataRef>;
  /** Silences that `test` looks at: it is evaluated when one has lasted so long. */
  readonly silences: readonly { readonly ref: DataRef; readonly ms: Amount }[];
  /** Undefined: the details of the alarm stay. */
  readonly details?: (view: AlarmView) => JsonValue;
}

export interface CreateRule extends AlarmRule {
  readonly severity: AlarmSeverity;
}

export interface AlarmDefinition {
  /** Names its state; unique in a set. */
  readonly id: string;
  readonly type: string;
  /** Gravest first. */
  readonly create: readonly CreateRule[];
  readonly clear?: AlarmRule;
  readonly propagation: AlarmPropagation;
}

/** The alarm rules of a device profile. */
export interface AlarmRules {
  readonly alarms: readonly AlarmDefinition[];
  /** Everything any rule reads. */
  readonly reads: ReadonlySet<DataRef>;
}

export function alarmRules(alarms: readonly AlarmDefinition[]): AlarmRules {
  const rules = alarms.flatMap(({ create, clear }): readonly AlarmRule[] => (clear ? [...create, clear] : create));
  return { alarms, reads: new Set(rules.flatMap(({ reads }) => reads)) };
}

/** What placeholders of details may name, and where each is looked for, one after the other. */
export type DetailNames = ReadonlyMap<string, readonly DataRef[]>;
export const namesOfKeys = (reads: readonly DataRef[]): DetailNames => new Map(reads.map((ref) => [keyOf(ref), [ref]]));

/** Fills `${name}` of a text with what is known; what is not stays as it is written. */
export function detailsOf(text: string | undefined, names: DetailNames, dashboardId?: string): AlarmRule['details'] {
  if (!text && dashboardId === undefined) return undefined;
  const find = (view: AlarmView, name: string): JsonValue | undefined => {
    for (const ref of names.get(name) ?? []) {
      const value = view.value(ref);
      if (value !== undefined) return value;
    }
    return undefined;
  };
  const fill = (view: AlarmView): string =>
    (text ?? '').replace(/\$\{([^{}]+)\}/g, (whole, name: string) => {
      const value = find(view, name);
      if (value === undefined) return whole;
      return typeof value === 'string' ? value : stringifyJson(value);
    });
  return (view) => ({ ...(text ? { data: fill(view) } : {}), ...(dashboardId === undefined ? {} : { dashboardId }) });
}
