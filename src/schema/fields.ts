/** One described field of a config: its JSON-schema piece, and its type for the compiler. */
export interface Field<T> {
  readonly schema: Readonly<Record<string, unknown>>;
  readonly optional: boolean;
  /** Only for inference; never present at run time. */
  readonly __type?: T;
}

export type Fields = Readonly<Record<string, Field<unknown>>>;

/** Maps fields to the values that a checked config holds. */
export type Config<F extends Fields> = { readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never };

interface Extra<T> {
  /** A field with a default may be left out. */
  readonly default?: T;
  readonly examples?: readonly T[];
}

function field<T>(description: string, schema: Record<string, unknown>, extra: Extra<T> = {}): Field<T> {
  return { schema: { description, ...schema, ...extra }, optional: extra.default !== undefined };
}

export const text = (
  description: string,
  extra?: Extra<string> & { minLength?: number; pattern?: string },
): Field<string> => field(description, { type: 'string' }, extra);

export const number = (
  description: string,
  extra?: Extra<number> & { minimum?: number; maximum?: number },
): Field<number> => field(description, { type: 'number' }, extra);

export const integer = (
  description: string,
  extra?: Extra<number> & { minimum?: number; maximum?: number },
): Field<number> => field(description, { type: 'integer' }, extra);

export const flag = (description: string, extra?: Extra<boolean>): Field<boolean> =>
  field(description, { type: 'boolean' }, extra);

export const oneOf = <const W extends readonly string[]>(
  description: string,
  words: W,
  extra?: Extra<W[number]>,
): Field<W[number]> => field<W[number]>(description, { enum: words }, extra);

export const texts = (
  description: string,
  extra?: Extra<readonly string[]> & { minItems?: number },
): Field<readonly string[]> => field(description, { type: 'array', items: { type: 'string' } }, extra);

export const textMap = (
  description: string,
  extra?: Extra<Readonly<Record<string, string>>>,
): Field<Readonly<Record<string, string>>> =>
  field(description, { type: 'object', additionalProperties: { type: 'string' } }, extra);

/** Any JSON of a given schema, checked further by the user of the field. */
export const json = <T = unknown>(description: string, schema: Record<string, unknown>, extra?: Extra<T>): Field<T> =>
  field<T>(description, schema, extra);

/** The same field, but it may be left out without a default. */
export const optional = <T>(inner: Field<T>): Field<T | undefined> => ({ schema: inner.schema, optional: true });

/** JSON Schema (draft 2020-12 vocabulary) of an object with these fields and no others. */
export function jsonSchemaOf(fields: Fields): Record<string, unknown> {
  const required = Object.entries(fields).flatMap(([key, value]) => (value.optional ? [] : [key]));
  return {
    type: 'object',
    additionalProperties: false,
    properties: Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, value.schema])),
    ...(required.length > 0 ? { required } : {}),
  };
}
