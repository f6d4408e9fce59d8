import type { AlarmSeverity } from '../model/alarm.ts';
import type { JsonObject, JsonValue } from '../model/json.ts';
import type { Originator } from '../model/msg.ts';
import type { AttributeScope, Sample } from '../model/telemetry.ts';

/**
 * Entities of an offline test and what belongs to them. Names stand for ids. Where any entity may be named, a device is its
 * bare name or `DEVICE <name>`, others are `ASSET <name>`, `CUSTOMER <title>` and `TENANT`.
 */
export interface EntityWorld {
  readonly devices?: readonly {
    readonly name: string;
    readonly profile?: string;
    readonly label?: string;
    readonly customer?: string;
  }[];
  readonly assets?: readonly { readonly name: string; readonly type?: string; readonly customer?: string }[];
  /** Titles; customers that devices and assets name are there as well. */
  readonly customers?: readonly string[];
  readonly relations?: readonly { readonly from: string; readonly type: string; readonly to: string }[];
  readonly attributes?: Readonly<Record<string, Readonly<Partial<Record<AttributeScope, JsonObject>>>>>;
  readonly telemetry?: Readonly<Record<string, readonly Sample[]>>;
}

/** Alarms of an offline test, and the rules that raise them. */
export interface AlarmWorld {
  readonly alarms?: readonly {
    readonly originator: string;
    readonly type: string;
    readonly severity: AlarmSeverity;
    readonly details?: JsonValue;
  }[];
  /** By device profile: what the `alarms` of its file would be. */
  readonly alarmRules?: Readonly<Record<string, unknown>>;
}

const NAMED = /^(DEVICE|ASSET|CUSTOMER) (.+)$/s;

/** What a name in a test stands for. */
export function parseEntityName(text: string): Pick<Originator, 'entityType' | 'name'> {
  if (text === 'TENANT') return { entityType: 'TENANT', name: '' };
  const [, entityType = 'DEVICE', name = text] = NAMED.exec(text) ?? [];
  return { entityType: entityType as Originator['entityType'], name };
}

/** The other way round: how reports of a test name the entity. */
export function formatEntityName({ entityType, name }: Pick<Originator, 'entityType' | 'name'>): string {
  if (entityType === 'TENANT') return 'TENANT';
  return entityType === 'DEVICE' && !NAMED.test(name) && name !== 'TENANT' ? name : `${entityType} ${name}`;
}
