import { type Config, json, jsonSchemaOf, oneOf, optional, text } from '../schema/fields.ts';

/** What a thing model says of values; `file` is a text that says where the file is. */
export const VALUE_TYPES = [
  'int',
  'long',
  'float',
  'double',
  'bool',
  'string',
  'enum',
  'struct',
  'array',
  'file',
] as const;
export type ValueTypeName = (typeof VALUE_TYPES)[number];

/** What becomes of an id that the model does not have. */
export const UNKNOWN_POLICIES = ['reject', 'drop', 'store'] as const;
export type UnknownPolicy = (typeof UNKNOWN_POLICIES)[number];

/** One value of a model, as its file has it. */
export interface ValueSpec {
  readonly type: ValueTypeName;
  readonly min?: number;
  readonly max?: number;
  readonly maxLength?: number;
  readonly values?: readonly (string | number)[];
  readonly fields?: Readonly<Record<string, ValueSpec>>;
  readonly items?: ValueSpec;
  readonly maxItems?: number;
  readonly name?: string;
  readonly unit?: string;
}

const VALUE_REF = { $ref: '#/$defs/modelValue' };
const VALUES = { type: 'object', maxProperties: 2_000, additionalProperties: VALUE_REF };

/** A service as a model's file has it; a part that is absent is not checked. */
export interface ServiceSpec {
  readonly name?: string;
  readonly input?: Readonly<Record<string, ValueSpec>>;
  readonly output?: Readonly<Record<string, ValueSpec>>;
}

/** Schema pieces that refer to themselves: they stand at the root of the profile's schema. */
export const MODEL_DEFS = {
  modelValue: {
    description: 'What a value must be.',
    type: 'object',
    additionalProperties: false,
    required: ['type'],
    properties: {
      type: { enum: VALUE_TYPES },
      min: { description: 'Least number.', type: 'number' },
      max: { description: 'Greatest number.', type: 'number' },
      maxLength: { description: 'Most characters of a text.', type: 'integer', minimum: 1 },
      values: {
        description: 'All values of an enum.',
        type: 'array',
        minItems: 1,
        maxItems: 1_000,
        uniqueItems: true,
        items: { type: ['string', 'number'] },
      },
      fields: { ...VALUES, description: 'Members of a struct; each may be absent.' },
      items: { ...VALUE_REF, description: 'What each item of an array must be.' },
      maxItems: { description: 'Most items of an array.', type: 'integer', minimum: 1 },
      name: { description: 'For people.', type: 'string' },
      unit: { description: 'For people.', type: 'string' },
    },
  },
};

const values = (what: string) => optional(json<Readonly<Record<string, ValueSpec>>>(what, VALUES));

export const modelFields = {
  version: text('Version of the model; a changed model has another.', { minLength: 1, examples: ['1.0'] }),
  unknown: oneOf('What becomes of an id that the model does not have.', UNKNOWN_POLICIES, { default: 'reject' }),
  measurepoints: values('Telemetry by id: measurepoints of EnOS, properties of Alibaba. Absent: not checked.'),
  attributes: values('Client attributes by id. Absent: not checked.'),
  events: optional(
    json<Readonly<Record<string, Readonly<Record<string, ValueSpec>>>>>(
      'Values of each event, by the id of the event. Absent: not checked.',
      { type: 'object', maxProperties: 500, additionalProperties: VALUES },
    ),
  ),
  services: optional(
    json<Readonly<Record<string, ServiceSpec>>>(
      'What services of EnOS and Alibaba devices take and answer, by the id of the service. Absent: not checked.',
      {
        type: 'object',
        maxProperties: 500,
        additionalProperties: {
          type: 'object',
          additionalProperties: false,
          properties: {
            name: { description: 'For people.', type: 'string' },
            input: { ...VALUES, description: 'Values of a call, by id; each may be absent.' },
            output: { ...VALUES, description: 'Values of its answer, by id; each may be absent.' },
          },
        },
      },
    ),
  ),
};

export type ModelSpec = Config<typeof modelFields>;

export const modelField = optional(
  json<ModelSpec>(
    'Thing model: what devices may send. What does not fit is refused, and nothing of it stored.',
    jsonSchemaOf(modelFields),
  ),
);
