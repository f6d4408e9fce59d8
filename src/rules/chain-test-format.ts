import { ALARM_SEVERITIES } from '../model/alarm.ts';

/** JSON schema of `*.test.json` files beside chains, for editors and for the runner. */
const text = (description: string): object => ({ type: 'string', minLength: 1, description });
const jsonObject = (description: string): object => ({ type: 'object', description });
const strict = (properties: object, required: readonly string[] = [], description?: string): object => ({
  type: 'object',
  additionalProperties: false,
  properties,
  ...(required.length > 0 ? { required } : {}),
  ...(description === undefined ? {} : { description }),
});
const list = (items: object, description: string, extra: object = {}): object => ({
  type: 'array',
  items,
  description,
  ...extra,
});

const attachment = strict(
  {
    device: text('Name of the device.'),
    supplier: text('Name of the supplier.'),
    supplyPoint: text('The code; the 20- and the 22-character form of a CUPS are one.'),
    grid: text('Code of the grid; may be left out.'),
  },
  ['device', 'supplier', 'supplyPoint'],
);
const relation = strict(
  {
    from: text('Entity: a device by its name, others as "ASSET name", "CUSTOMER title", "TENANT".'),
    type: text('Type of the relation.'),
    to: text('Entity.'),
  },
  ['from', 'type', 'to'],
);
const alarm = {
  originator: text('Entity that it is about.'),
  type: text('Type of the alarm.'),
  severity: { enum: ALARM_SEVERITIES, description: 'How grave it is.' },
  details: { description: 'Its details, any JSON.' },
};
const path = list({ type: 'string' }, 'Node, label, node … from the first node to the end.');

const mock = strict(
  {
    to: text('Label that the message leaves by; Success when left out.'),
    error: text('Instead: why the service did not answer.'),
    data: jsonObject('Body that the message then has.'),
    metadata: {
      type: 'object',
      additionalProperties: { type: 'string' },
      description: 'Metadata that it then has, too.',
    },
  },
  [],
  'Answer of a service to a node of kind external/*.',
);

const given = strict({
  now: { type: 'integer', description: 'The time at the beginning, ms since 1970. Only "advance" and "at" move it.' },
  devices: list(
    strict(
      {
        name: text('Name.'),
        profile: text('Device profile.'),
        label: text('Label.'),
        customer: text('Title of the customer that has it.'),
      },
      ['name'],
    ),
    'Devices there are.',
  ),
  assets: list(
    strict({ name: text('Name.'), type: text('Type.'), customer: text('Title of the customer that has it.') }, [
      'name',
    ]),
    'Assets there are.',
  ),
  customers: list({ type: 'string' }, 'Titles of customers; those that devices and assets name are there as well.'),
  relations: list(relation, 'Relations there are.'),
  attributes: jsonObject('Attributes there are: entity -> scope -> key -> value.'),
  telemetry: {
    type: 'object',
    description: 'Telemetry there is: entity -> samples.',
    additionalProperties: list(
      strict({ ts: { type: 'integer', description: 'Its time, ms.' }, values: jsonObject('Its values.') }, [
        'ts',
        'values',
      ]),
      'Samples.',
    ),
  },
  suppliers: list(
    strict({ name: text('Name.'), keys: list({ type: 'string' }, 'Invented secret keys, never real ones.') }, [
      'name',
      'keys',
    ]),
    'Power suppliers there are.',
  ),
  attachments: list(attachment, 'Attachments there are.'),
  rpc: list(
    strict(
      {
        device: text('Name of the device.'),
        method: text('Method that is called.'),
        response: { description: 'What it answers.' },
        error: text('Instead: why there is no answer, such as TIMEOUT.'),
      },
      ['device', 'method'],
    ),
    'What devices answer to calls of the chain.',
  ),
  mocks: {
    type: 'object',
    description: 'What services outside answer: node -> answer, or a list of answers, one after the other.',
    additionalProperties: { anyOf: [mock, list(mock, 'The last one is given ever after.', { minItems: 1 })] },
  },
  alarms: list(strict(alarm, ['originator', 'type', 'severity']), 'Alarms that are active.'),
  alarmRules: jsonObject('Alarm rules: device profile -> what the `alarms` of its file would be.'),
  rateLimited: list({ type: 'string' }, 'Devices whose supplier look-ups are refused for too many wrong keys.'),
});

const message = {
  type: 'object',
  additionalProperties: false,
  properties: {
    from: text('Whose message it is: a device by its name, others as "ASSET name", "CUSTOMER title", "TENANT".'),
    at: { type: 'integer', description: 'Moves the clock to this time before, ms since 1970; it never goes back.' },
    advance: { type: 'integer', minimum: 0, description: 'Moves the clock on before, ms. Alone: nothing is sent.' },
    telemetry: jsonObject('A sample, as on v1/devices/me/telemetry.'),
    ts: { type: 'integer', description: 'Time of the sample, ms; without it the time of the test.' },
    attributes: jsonObject('Attributes, as on v1/devices/me/attributes.'),
    type: text('Another message type, with data.'),
    data: jsonObject('Body of a message of that type.'),
    metadata: { type: 'object', additionalProperties: { type: 'string' }, description: 'Further metadata.' },
  },
  dependentRequired: { telemetry: ['from'], attributes: ['from'], type: ['from'], data: ['type'] },
  oneOf: [
    { required: ['from', 'telemetry'] },
    { required: ['from', 'attributes'] },
    { required: ['from', 'type'] },
    { required: ['advance'], not: { required: ['from'] } },
    { required: ['at'], not: { required: ['from'] } },
  ],
};

const then = strict({
  path: {
    description: 'The way of the last message; a list of ways when it was fanned out.',
    anyOf: [path, list(path, 'One way per branch.')],
  },
  outcome: { enum: ['processed', 'dead-lettered'], description: 'How the last message ended.' },
  deadLetter: strict(
    { node: text('Node that failed.'), reason: text('Text that the reason contains.') },
    ['node'],
    'The first dead letter of the last message.',
  ),
  attachments: list(attachment, 'All attachments in the end.'),
  attributes: jsonObject('All that is stored in the end: entity -> scope -> key -> value. Replies are not listed.'),
  telemetry: jsonObject('All latest values in the end: entity -> key -> value.'),
  alarms: list(
    strict(
      {
        ...alarm,
        status: text('ACTIVE_UNACK, ACTIVE_ACK, CLEARED_UNACK or CLEARED_ACK; may be left out.'),
      },
      ['originator', 'type'],
    ),
    'All alarms in the end; severity, status and details may be left out.',
  ),
  reply: {
    type: ['object', 'null'],
    description: 'What the last message got its sender told; null = nothing.',
  },
  relations: list(relation, 'All relations in the end.'),
  customers: {
    type: 'object',
    additionalProperties: { type: 'string' },
    description: 'Who has what in the end: device or asset -> title of the customer.',
  },
  events: list(
    strict({ type: text('Such as ENTITY_CREATED.'), originator: text('Entity.'), data: jsonObject('Body.') }, [
      'type',
      'originator',
      'data',
    ]),
    'All events that nodes raised, in order.',
  ),
  outside: {
    type: 'object',
    description: 'All that was sent to services outside: node -> bodies, in order.',
    additionalProperties: list({}, 'Bodies.'),
  },
  logs: list(
    strict(
      { level: { enum: ['debug', 'info', 'warn', 'error'], description: 'Its level.' }, text: text('Its text.') },
      ['level', 'text'],
    ),
    'All lines that nodes logged, in order.',
  ),
  nothingElse: {
    type: 'boolean',
    description:
      'true: whatever is not named here is as it was before the first message, and nothing is sent. Log lines aside.',
  },
});

export const CHAIN_TEST_SCHEMA = strict(
  {
    $schema: { type: 'string' },
    chain: text('Chain under test; without it the one in the file of the same name.'),
    cases: list(
      strict(
        {
          name: text('A fact: what is true when the case passes.'),
          given,
          when: list(message as object, 'Messages, one after the other.', { minItems: 1 }),
          then,
        },
        ['name', 'when', 'then'],
      ),
      'Each case runs in a world of its own.',
      { minItems: 1 },
    ),
  },
  ['cases'],
) as Readonly<Record<string, unknown>>;
