import { isJsonObject, type JsonObject, type JsonValue } from '../model/json.ts';
import type { ServiceSpec, UnknownPolicy, ValueSpec } from './model-schema.ts';
import { escapePointer, shownKey } from './model-value.ts';

/** A call or an answer as the model lets it through; a `fault` is of the whole. */
export type FittedCall =
  | { readonly ok: true; readonly values: JsonValue }
  | { readonly ok: false; readonly problem: string };

/** Fits what a service is called with, and what it answers. A service that the model lacks is called only with `unknown: "store"`. */
export type FitService = (id: string, part: 'input' | 'output', values: JsonValue) => FittedCall;

type Fits = (values: JsonObject, skipInvalid: boolean) => { readonly values: JsonObject; readonly fault?: string };

/** @param fitsOf compiles values; its faults carry pointers below the model. */
export function compileServices(
  services: Readonly<Record<string, ServiceSpec>>,
  unknown: UnknownPolicy,
  fitsOf: (values: Readonly<Record<string, ValueSpec>>, at: string) => Fits,
): FitService {
  const known = new Map(
    Object.entries(services).map(([id, spec]) => {
      const part = (name: 'input' | 'output'): Fits | undefined =>
        spec[name] && fitsOf(spec[name], `/services/${escapePointer(id)}/${name}`);
      return [id, { input: part('input'), output: part('output') }] as const;
    }),
  );
  return (id, part, values) => {
    const service = known.get(id);
    if (!service && unknown !== 'store') return misfit(`the service ${shownKey(id)} is not in the model`);
    const fits = service?.[part];
    if (!fits) return { ok: true, values };
    if (!isJsonObject(values)) return misfit(`the ${part} must be an object`);
    const fitted = fits(values, false);
    return fitted.fault === undefined ? { ok: true, values: fitted.values } : misfit(`${part}: ${fitted.fault}`);
  };
}

const misfit = (problem: string): FittedCall => ({ ok: false, problem });
