import type { JsonObject } from '../model/json.ts';
import type { ModelSpec, UnknownPolicy, ValueSpec } from './model-schema.ts';
import { compileServices, type FitService } from './model-services.ts';
import { compileValue, escapePointer, type ModelFault, shownKey, type ValueCheck } from './model-value.ts';

/** Values as the model lets them in. */
export interface FittedValues {
  /** The very object that was given when all of it fits. */
  readonly values: JsonObject;
  /** Ids that were left out. */
  readonly left: number;
  /** The first thing that does not fit; with `skipInvalid` it was left out. */
  readonly fault?: string;
}

/** Fits values to a model; with `skipInvalid`, what does not fit is left out, otherwise the first fault ends it. */
export type FitValues = (values: JsonObject, skipInvalid: boolean) => FittedValues;

/** A thing model in force. A part that is absent is not checked. */
export interface ThingModel {
  readonly version: string;
  /** As the profile has it, for those who read it. */
  readonly document: ModelSpec;
  readonly telemetry?: FitValues;
  readonly attributes?: FitValues;
  /** @param type of the message: `EVENT_{id}`; other types are not checked. */
  readonly event?: (type: string, values: JsonObject) => FittedValues;
  readonly service?: FitService;
}

/** Keys of our own meaning, which no model needs to name: tags, and what devices say of their firmware and software. */
const OWN_KEY =
  /^(?:tag_.+|(?:current_)?(?:fw|sw)_(?:title|version|state|error|progress|checksum|checksum_algorithm|tag))$/;
const QUALITY = '_quality';
const EVENT = 'EVENT_';

/** Compiles a checked `model` of a profile; faults carry JSON pointers below it. */
export function compileModel(spec: ModelSpec, fault: ModelFault): ThingModel {
  const { version, unknown, measurepoints, attributes, events, services } = spec;
  const fitsOf = (values: Readonly<Record<string, ValueSpec>>, at: string): FitValues =>
    fitting(
      new Map(
        Object.entries(values).map(([id, one]) => [
          id,
          compileValue(one, `${at}/${escapePointer(id)}`, unknown, fault),
        ]),
      ),
      unknown,
    );
  const byEvent = new Map(
    Object.entries(events ?? {}).map(([id, values]) => [id, fitsOf(values, `/events/${escapePointer(id)}`)]),
  );
  return {
    version,
    document: spec,
    ...(measurepoints ? { telemetry: fitsOf(measurepoints, '/measurepoints') } : {}),
    ...(attributes ? { attributes: fitsOf(attributes, '/attributes') } : {}),
    ...(events ? { event: (type, values) => fitEvent(byEvent, unknown, type, values) } : {}),
    ...(services ? { service: compileServices(services, unknown, fitsOf) } : {}),
  };
}

function fitEvent(
  events: ReadonlyMap<string, FitValues>,
  unknown: UnknownPolicy,
  type: string,
  values: JsonObject,
): FittedValues {
  if (!type.startsWith(EVENT)) return { values, left: 0 };
  const id = type.slice(EVENT.length);
  const known = events.get(id);
  if (known) return known(values, false);
  if (unknown === 'reject') return { values, left: 0, fault: `the event ${shownKey(id)} is not in the model` };
  return unknown === 'store' ? { values, left: 0 } : { values: {}, left: Object.keys(values).length };
}

function fitting(checks: ReadonlyMap<string, ValueCheck>, unknown: UnknownPolicy): FitValues {
  const ofQuality = (key: string): boolean => key.endsWith(QUALITY) && checks.has(key.slice(0, -QUALITY.length));
  return (values, skipInvalid) => {
    const left = new Set<string>();
    let fault: string | undefined;
    for (const [key, value] of Object.entries(values)) {
      const check = checks.get(key);
      const known = check !== undefined || ofQuality(key) || OWN_KEY.test(key);
      const wrong = check?.(value) ?? (known || unknown !== 'reject' ? undefined : 'is not in the model');
      if (wrong !== undefined) {
        fault ??= `${shownKey(key)} ${wrong}`;
        if (!skipInvalid) return { values, left: 0, fault };
        left.add(key).add(key + QUALITY);
      } else if (!known && unknown === 'drop') left.add(key);
    }
    if (left.size === 0) return { values, left: 0 };
    const kept = Object.entries(values).filter(([key]) => !left.has(key));
    const gone = Object.keys(values).length - kept.length;
    return { values: Object.fromEntries(kept), left: gone, ...(fault === undefined ? {} : { fault }) };
  };
}
