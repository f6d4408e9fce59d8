import { decorators, operators } from './condition-operators.ts';

type Schema = Readonly<Record<string, unknown>>;

export const conditionFacts = ['msg', 'metadata', 'msgType', 'originator'] as const;
export type ConditionFact = (typeof conditionFacts)[number];

/** How deep the schema follows groups: it holds no $ref, so that it can stand inside any other schema. */
const LEVELS = 3;

const fact: Schema = { enum: conditionFacts, description: 'What is looked at.' };
const path: Schema = {
  type: 'string',
  pattern: '^\\$',
  description: "Where in the fact: $.a.b['c d'][0]. Names and indexes only.",
};

const leafProperties: Schema = {
  fact,
  path,
  operator: {
    anyOf: [
      { enum: [...Object.keys(operators), 'exists', 'absent'] },
      {
        type: 'string',
        pattern: `^((${Object.keys(decorators).join('|')}):){1,4}(${Object.keys(operators).join('|')})$`,
      },
    ],
    description: 'How fact and value are compared; a missing fact makes the leaf false, whatever the operator.',
  },
  value: {
    description:
      'What it is compared with: a constant, or {"fact", "path"} for another fact. Not for exists and absent.',
  },
  priority: { type: 'integer', description: 'Read for compatibility; order does not change the outcome.' },
  name: { type: 'string', description: 'A note for the reader.' },
};

function groupProperties(inner: Schema): Schema {
  const list = { type: 'array', minItems: 1, items: inner };
  return {
    all: { ...list, description: 'True when every condition is.' },
    any: { ...list, description: 'True when one condition is.' },
    not: { ...inner, description: 'True when the condition is not.' },
    priority: leafProperties.priority,
    name: leafProperties.name,
  };
}

function levelSchema(level: number): Schema {
  const inner = level === 0 ? { type: 'object' } : levelSchema(level - 1);
  return { type: 'object', properties: { ...leafProperties, ...groupProperties(inner) }, additionalProperties: false };
}

/**
 * JSON schema of a condition for editors. It finds misspelt keys, facts and operators three groups deep; compileCondition
 * is the judge of all else.
 */
export const conditionSchema: Schema = {
  type: 'object',
  description: 'A condition in the format of json-rules-engine: {"all": […]}, {"any": […]} or {"not": {…}}.',
  properties: groupProperties(levelSchema(LEVELS - 2)),
  additionalProperties: false,
  minProperties: 1,
};
