import type { ThingModel } from '../profiles/index.ts';
import type { DecodedSample } from '../telemetry/payload.ts';

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
