import type { JsonObject, JsonValue } from '../model/json.ts';
import type { DeviceProfile, FittedValues, ThingModel } from '../profiles/index.ts';
import { type Decoded, type DecodedSample, decodeAttributes, decodeTelemetry } from '../telemetry/payload.ts';

export type FittedSamples =
  | { readonly ok: true; readonly samples: readonly DecodedSample[]; readonly left: number }
  | { readonly ok: false; readonly problem: string };

/**
 * Samples as the thing model of the profile lets them in. One that has nothing left is left out; with `skipInvalid` it is a
 * problem only when nothing at all is left.
 */
export function fitSamples(
  { telemetry }: ThingModel,
  samples: readonly DecodedSample[],
  skipInvalid: boolean,
): FittedSamples {
  if (!telemetry) return { ok: true, samples, left: 0 };
  const kept: DecodedSample[] = [];
  let left = 0;
  let problem: string | undefined;
  for (const sample of samples) {
    const fitted = telemetry(sample.values, skipInvalid);
    problem ??= fitted.fault;
    if (fitted.fault !== undefined && !skipInvalid) return { ok: false, problem: fitted.fault };
    left += fitted.left;
    if (fitted.values === sample.values) kept.push(sample);
    else if (Object.keys(fitted.values).length > 0) kept.push({ ...sample, values: fitted.values, verbatim: 'no' });
  }
  return kept.length === 0 && problem !== undefined ? { ok: false, problem } : { ok: true, samples: kept, left };
}

export interface ReadOptions {
  /** Server time for samples without their own, ms. */
  readonly now: number;
  readonly typed?: boolean;
  readonly skipInvalid?: boolean;
}

/** Telemetry as the profile lets it in, or why it does not. */
export function readTelemetry(
  profile: DeviceProfile,
  json: JsonValue,
  { now, typed = false, skipInvalid = false }: ReadOptions,
): FittedSamples {
  const fault = profile.checkTelemetry?.(json);
  if (fault !== undefined) return { ok: false, problem: fault };
  const decoded = decodeTelemetry(json, { now, typeCast: profile.typeCast && !typed });
  if (!decoded.ok) return decoded;
  return profile.model
    ? fitSamples(profile.model, decoded.value, skipInvalid)
    : { ok: true, samples: decoded.value, left: 0 };
}

/** Client attributes as the profile lets them in, or why it does not. */
export function readAttributes(
  profile: DeviceProfile,
  json: JsonValue,
  { now, typed = false }: ReadOptions,
): Decoded<FittedValues> {
  const fault = profile.checkAttributes?.(json);
  if (fault !== undefined) return { ok: false, problem: fault };
  const decoded = decodeAttributes(json, { now, typeCast: profile.typeCast && !typed });
  if (!decoded.ok) return decoded;
  return fitted(profile.model?.attributes?.(decoded.value, false), decoded.value);
}

/** An event as the profile lets it in, or why it does not. */
export const readEvent = (profile: DeviceProfile, type: string, data: JsonObject): Decoded<FittedValues> =>
  fitted(profile.model?.event?.(type, data), data);

function fitted(fit: FittedValues | undefined, values: JsonObject): Decoded<FittedValues> {
  if (fit?.fault !== undefined) return { ok: false, problem: fit.fault };
  return { ok: true, value: fit ?? { values, left: 0 } };
}
