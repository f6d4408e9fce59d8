import type { Secret } from '../model/secret.ts';
import { type Field, integer, text } from '../schema/fields.ts';

/** One setting: its environment variable, its field, and what is special about it. */
export interface Setting<T> {
  readonly env: string;
  readonly field: Field<T>;
  /** `secret`: never shown, also as `NAME_FILE`. `path`: taken from the folder it was named in. `rate`: a rate limit text. */
  readonly special?: 'secret' | 'path' | 'rate';
  /** What the documentation says of a default that is found at the start. */
  readonly defaultText?: string;
}

export const setting = <T>(env: string, field: Field<T>, more: Omit<Setting<T>, 'env' | 'field'> = {}): Setting<T> => ({
  env,
  field,
  ...more,
});
export const path = <T>(env: string, field: Field<T>): Setting<T> => setting(env, field, { special: 'path' });
export const rate = (env: string, what: string): Setting<string> => {
  const description = `${what} of one device, as capacity:seconds[,…]; empty means no limit. A profile's own limit wins.`;
  return setting(env, text(description, { default: '', examples: ['100:1,2000:60'] }), { special: 'rate' });
};
export const instanceRate = (env: string, what: string): Setting<string> => {
  const description = `${what} of all devices together, as capacity:seconds[,…]; empty means no limit. Asked before a device's own.`;
  return setting(env, text(description, { default: '', examples: ['10000:1'] }), { special: 'rate' });
};
export const gatewayRate = (env: string, what: string): Setting<string> => {
  const description = `${what}, as capacity:seconds[,…]; empty means no limit.`;
  return setting(env, text(description, { default: '', examples: ['1000:1'] }), { special: 'rate' });
};
export const secret = (env: string, description: string, minLength: number): Setting<Secret | undefined> => {
  const { schema } = text(description, { minLength });
  return setting(env, { schema, optional: true }, { special: 'secret' });
};
export const port = (description: string, standard: number): Field<number> =>
  integer(`${description} 0 takes a free one.`, { default: standard, minimum: 0, maximum: 65_535 });
export const ms = (description: string, standard: number): Field<number> =>
  integer(`${description} Milliseconds.`, { default: standard, minimum: 1, maximum: 86_400_000 });
export const count = (description: string, standard: number): Field<number> =>
  integer(description, { default: standard, minimum: 1, maximum: 1_000_000_000 });
