/** Names and labels: what a person can type into a file and read in a log line. */
const NAME = { type: 'string', minLength: 1, maxLength: 255 } as const;

export const EDGE_SCHEMA = {
  description: 'Where messages go: a node of this file, or several (each gets a copy); [] = they end here on purpose.',
  anyOf: [NAME, { type: 'array', items: NAME, uniqueItems: true }],
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
  layout: {
    type: 'object',
    description: 'Where editors with a canvas draw the node; the engine ignores it.',
    additionalProperties: false,
    required: ['x', 'y'],
    properties: { x: { type: 'number' }, y: { type: 'number' } },
  },
  thingsboard: {
    type: 'object',
    description: 'What only ThingsBoard reads, kept for chain export; the engine ignores it.',
    additionalProperties: false,
    properties: {
      name: { type: 'string', maxLength: 255, description: "The node's name there, when it is another one." },
      debugSettings: { type: 'object' },
      singletonMode: { type: 'boolean' },
      queueName: { type: 'string' },
      additionalInfo: { type: 'object' },
    },
  },
} as const;

/** Members of a chain file but for its nodes. */
export const CHAIN_MEMBERS = {
  $schema: { type: 'string', description: 'Path of chain.schema.json, for editors.' },
  name: { ...NAME, description: 'Name of the chain, unique among all chains.' },
  description: { type: 'string', description: 'For the reader; the engine ignores it.' },
  root: { type: 'boolean', description: 'true for the one chain where every message starts.' },
  notes: {
    type: 'array',
    description: "Notes on ThingsBoard's canvas; the engine ignores them.",
    items: { type: 'object' },
  },
  thingsboard: {
    type: 'object',
    description: 'What only ThingsBoard reads, kept for chain export; the engine ignores it.',
    additionalProperties: false,
    properties: {
      id: { type: 'string', description: 'The id of the chain there.' },
      additionalInfo: { type: 'object' },
      configuration: { type: 'object' },
      chainIds: {
        type: 'object',
        additionalProperties: { type: 'string' },
        description: 'Ids of other chains by name.',
      },
    },
  },
  first: {
    anyOf: [NAME, { type: 'null' }],
    description: 'Name of the node where messages enter; null: they are accepted and end.',
  },
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
