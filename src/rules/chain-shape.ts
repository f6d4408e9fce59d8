/** Names and labels: what a person can type into a file and read in a log line. */
const NAME = { type: 'string', minLength: 1, maxLength: 255 } as const;

export const EDGE_SCHEMA = {
  description: 'Where messages go: a node of this file, or several (each gets a copy).',
  anyOf: [NAME, { type: 'array', items: NAME, minItems: 1, uniqueItems: true }],
} as const;

/** Members of a node but for `kind`, `config` and `to`, which depend on the kind. */
export const NODE_EXTRAS = {
  description: { type: 'string', description: 'For the reader; the engine ignores it.' },
  retry: {
    type: 'object',
    description: 'Tries the node again when it fails, before the message leaves by Failure.',
    additionalProperties: false,
    required: ['attempts'],
    properties: {
      attempts: { type: 'integer', minimum: 2, maximum: 10, description: 'Tries in all, the first one too.' },
      backoffMs: {
        type: 'integer',
        minimum: 0,
        maximum: 60_000,
        default: 100,
        description: 'Pause before the second try, ms; twice as long before each further one.',
      },
    },
  },
  maxVisits: {
    type: 'integer',
    minimum: 1,
    maximum: 1000,
    description: 'Lets messages go round through this node: so often at most, then the message leaves it by Failure.',
  },
} as const;

/** Members of a chain file but for its nodes. */
export const CHAIN_MEMBERS = {
  $schema: { type: 'string', description: 'Path of chain.schema.json, for editors.' },
  name: { ...NAME, description: 'Name of the chain, unique among all chains.' },
  description: { type: 'string', description: 'For the reader; the engine ignores it.' },
  root: { type: 'boolean', description: 'true for the one chain where every message starts.' },
  first: { ...NAME, description: 'Name of the node where messages enter.' },
} as const;

/** The native format before any kind is looked at (design: nodes have names, edges name nodes). */
export const CHAIN_SHAPE = {
  type: 'object',
  additionalProperties: false,
  required: ['name', 'first', 'nodes'],
  properties: {
    ...CHAIN_MEMBERS,
    nodes: {
      type: 'object',
      additionalProperties: {
        type: 'object',
        additionalProperties: false,
        required: ['kind'],
        properties: {
          kind: NAME,
          ...NODE_EXTRAS,
          config: { type: 'object' },
          to: { type: 'object', additionalProperties: EDGE_SCHEMA },
        },
      },
    },
  },
} as const;
