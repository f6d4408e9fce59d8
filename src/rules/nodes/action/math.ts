import { decimalOf, numberOf, rounded } from '../../../model/decimal.ts';
import { ExactNumber, type JsonValue } from '../../../model/json.ts';
import { isMsgData, type Msg, withMsg } from '../../../model/msg.ts';
import type { Secret } from '../../../model/secret.ts';
import { ATTRIBUTE_SCOPES, type AttributeScope } from '../../../model/telemetry.ts';
import { json, oneOf, optional, text } from '../../../schema/fields.ts';
import { withFetched } from '../../fetch.ts';
import { compileFormula, type Formula, FUNCTIONS, MAX_FORMULA } from '../../math-expression.ts';
import type { NodeContext } from '../../node-context.ts';
import { defineNode, NodeFailure } from '../../node-kind.ts';
import { effectiveTs } from '../../processing.ts';
import { nonNull } from '../../relation-nodes.ts';
import { compileText } from '../../template.ts';

const ARGUMENT_TYPES = ['MESSAGE_BODY', 'MESSAGE_METADATA', 'ATTRIBUTE', 'TIME_SERIES', 'CONSTANT'] as const;
const RESULT_TYPES = ['MESSAGE_BODY', 'MESSAGE_METADATA', 'ATTRIBUTE', 'TIME_SERIES'] as const;
const MAX_ARGUMENTS = 16;
const ADD = (values: readonly number[]): number => (values[0] ?? Number.NaN) + (values[1] ?? Number.NaN);
const SUB = (values: readonly number[]): number => (values[0] ?? Number.NaN) - (values[1] ?? Number.NaN);
const MULT = (values: readonly number[]): number => (values[0] ?? Number.NaN) * (values[1] ?? Number.NaN);
const DIV = (values: readonly number[]): number => (values[0] ?? Number.NaN) / (values[1] ?? Number.NaN);
const ARITHMETIC: Readonly<Record<string, { readonly args: number; readonly fn: Formula }>> = {
  ADD: { args: 2, fn: ADD },
  SUB: { args: 2, fn: SUB },
  MULT: { args: 2, fn: MULT },
  DIV: { args: 2, fn: DIV },
};
/** ThingsBoard's words; those of two parts are written in one here. */
const SPELLINGS: Readonly<Record<string, string>> = { GET_EXP: 'getExp', FLOOR_DIV: 'floorDiv', FLOOR_MOD: 'floorMod' };
const OPERATIONS = [
  'CUSTOM',
  ...Object.keys(ARITHMETIC),
  ...['SIN', 'SINH', 'COS', 'COSH', 'TAN', 'TANH', 'ACOS', 'ASIN', 'ATAN', 'ATAN2', 'EXP', 'EXPM1', 'SQRT', 'CBRT'],
  ...['GET_EXP', 'HYPOT', 'LOG', 'LOG10', 'LOG1P', 'CEIL', 'FLOOR', 'FLOOR_DIV', 'FLOOR_MOD', 'ABS', 'MIN', 'MAX'],
  ...['POW', 'SIGNUM', 'RAD', 'DEG'],
];

interface Argument {
  readonly name: string;
  readonly type: (typeof ARGUMENT_TYPES)[number];
  readonly key: string;
  readonly attributeScope?: AttributeScope | null;
  readonly defaultValue?: number | null;
}

interface Result {
  readonly type: (typeof RESULT_TYPES)[number];
  readonly key: string;
  readonly resultValuePrecision: number;
  readonly addToBody: boolean;
  readonly addToMetadata: boolean;
  readonly attributeScope?: AttributeScope | null;
}

const nullable = { anyOf: [{ enum: ATTRIBUTE_SCOPES }, { type: 'null' }] };

export const math = defineNode({
  kind: 'action/math',
  thingsboard: { type: 'org.thingsboard.rule.engine.math.TbMathNode', version: 0, read: nonNull },
  version: 0,
  summary:
    'Reckons with numbers of the message, the attributes or the latest telemetry of the originator, and puts the result into the message or stores it. Formulas know + - * / % ^ and functions such as sqrt, log, min. A missing number without a default, and a result that is no number, are failures.',
  since: '0.3.0',
  fields: {
    operation: oneOf('One function of the arguments, or CUSTOM for a formula.', OPERATIONS, { default: 'CUSTOM' }),
    arguments: json<readonly Argument[]>('Numbers, in order; formulas call them by name.', {
      type: 'array',
      minItems: 1,
      maxItems: MAX_ARGUMENTS,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['name', 'type', 'key'],
        properties: {
          name: { type: 'string', minLength: 1 },
          type: { enum: ARGUMENT_TYPES },
          key: { type: 'string', minLength: 1, description: 'Key, as a template; of a CONSTANT the number.' },
          attributeScope: nullable,
          defaultValue: { type: ['number', 'null'] },
        },
      },
    }),
    customFunction: optional(text('The formula of CUSTOM.', { examples: ['(x - 32) / 1.8'] })),
    result: json<Result>('Where the result goes.', {
      type: 'object',
      additionalProperties: false,
      required: ['type', 'key'],
      properties: {
        type: { enum: RESULT_TYPES },
        key: { type: 'string', minLength: 1, description: 'Key, as a template.' },
        resultValuePrecision: { type: 'integer', minimum: 0, maximum: 16, default: 2 },
        addToBody: { type: 'boolean', default: false },
        addToMetadata: { type: 'boolean', default: false },
        attributeScope: nullable,
      },
    }),
  },
  relations: ['Success'],
  examples: [
    {
      title: 'The power factor',
      config: {
        arguments: [
          { name: 'p', type: 'MESSAGE_BODY', key: 'active' },
          { name: 'q', type: 'MESSAGE_BODY', key: 'reactive' },
        ],
        customFunction: 'p / sqrt(p^2 + q^2)',
        result: { type: 'MESSAGE_BODY', key: 'powerFactor' },
      },
      msg: { data: { active: 4, reactive: 3 } },
      goesTo: 'Success',
      data: { active: 4, reactive: 3, powerFactor: 0.8 },
    },
    {
      title: 'A number is missing',
      config: {
        operation: 'ABS',
        arguments: [{ name: 'x', type: 'MESSAGE_BODY', key: 'power' }],
        result: { type: 'MESSAGE_BODY', key: 'power' },
      },
      msg: { data: {} },
      goesTo: 'Failure',
    },
  ],
  *lint(config) {
    const formula = formulaOf(config);
    if (typeof formula === 'string') {
      yield { at: config.operation === 'CUSTOM' ? '/customFunction' : '/arguments', problem: formula };
    }
    for (const [index, { type, key, attributeScope }] of config.arguments.entries()) {
      if (type === 'CONSTANT' && !Number.isFinite(Number(key)))
        yield { at: `/arguments/${index}/key`, problem: 'of a CONSTANT is the number itself' };
      if (type === 'ATTRIBUTE' && !attributeScope)
        yield { at: `/arguments/${index}/attributeScope`, problem: 'is missing: which attribute is it?' };
    }
    if (config.result.type === 'ATTRIBUTE' && !config.result.attributeScope)
      yield { at: '/result/attributeScope', problem: 'is missing: which attribute is it?' };
  },
  create(config) {
    const formula = formulaOf(config);
    if (typeof formula === 'string') throw new Error(formula);
    const readers = config.arguments.map(compileArgument);
    const { result } = config;
    const resultKey = compileText(result.key);
    const leave = (values: readonly number[], msg: Msg, context: NodeContext) => {
      const exact = decimalOf(formula(values));
      if (exact === undefined) throw new NodeFailure('the result is no number');
      const value = numberOf(rounded(exact, result.resultValuePrecision));
      return { relation: 'Success', msg: put(result, { key: resultKey(msg), value, msg, context }) } as const;
    };
    return {
      onMsg(msg, context) {
        const read = readers.map((reader) => reader(msg, context));
        if (read.every((one) => typeof one === 'number')) return leave(read, msg, context);
        return Promise.all(read).then((values) => leave(values, msg, context));
      },
    };
  },
});

/** The function of the arguments, or what is wrong with it. */
function formulaOf(config: {
  readonly operation: string;
  readonly customFunction: string | undefined;
  readonly arguments: readonly Argument[];
}): Formula | string {
  if (config.operation === 'CUSTOM') {
    const { customFunction } = config;
    if (!customFunction) return 'is missing: which formula is it?';
    if (customFunction.length > MAX_FORMULA) return `the formula is longer than ${MAX_FORMULA} characters`;
    const names = config.arguments.map(({ name }) => name);
    const compiled = compileFormula(customFunction, names);
    return compiled.ok ? compiled.run : compiled.problem;
  }
  const { operation } = config;
  const called = ARITHMETIC[operation] ?? FUNCTIONS[SPELLINGS[operation] ?? operation.toLowerCase()];
  if (called === undefined) return `there is no function ${operation}`;
  if (config.arguments.length !== called.args)
    return `${operation} takes ${called.args} arguments, not ${config.arguments.length}`;
  return called.fn;
}

type Reader = (msg: Msg, context: NodeContext) => number | Promise<number>;

function compileArgument({ type, key, attributeScope, defaultValue }: Argument): Reader {
  const keyOf = compileText(key);
  const numeric = (found: JsonValue | Secret | undefined): number => {
    const value = toNumber(found) ?? defaultValue ?? undefined;
    if (value === undefined) throw new NodeFailure(`there is no number under ${key}`);
    return value;
  };
  switch (type) {
    case 'CONSTANT':
      return () => Number(key);
    case 'MESSAGE_METADATA':
      return (msg) => numeric(own(msg.metadata, keyOf(msg)));
    case 'MESSAGE_BODY':
      return (msg) => numeric(isMsgData(msg.data) ? own(msg.data, keyOf(msg)) : undefined);
    case 'ATTRIBUTE':
      return async (msg, context) => {
        const name = keyOf(msg);
        const scope = attributeScope ?? 'SERVER_SCOPE';
        return numeric((await context.readAttributes(msg.originator, scope, [name])).get(name)?.value);
      };
    case 'TIME_SERIES':
      return async (msg, context) => {
        const name = keyOf(msg);
        return numeric((await context.readLatest(msg.originator, [name])).get(name)?.value);
      };
  }
}

const own = <T>(record: Readonly<Record<string, T>>, key: string): T | undefined =>
  Object.hasOwn(record, key) ? record[key] : undefined;

function toNumber(value: JsonValue | Secret | undefined): number | undefined {
  if (typeof value !== 'number' && typeof value !== 'string' && !(value instanceof ExactNumber)) return undefined;
  const number = Number(value);
  return Number.isFinite(number) && String(value).trim() !== '' ? number : undefined;
}

function put(
  { type, addToBody, addToMetadata, attributeScope }: Result,
  {
    key,
    value,
    msg,
    context,
  }: { readonly key: string; readonly value: JsonValue; readonly msg: Msg; readonly context: NodeContext },
): Msg {
  const values = { [key]: value };
  if (type === 'ATTRIBUTE') {
    const scope = attributeScope ?? 'SERVER_SCOPE';
    context.saveAttributes(msg, { scope, values, onlyOnChange: false, notifyDevice: false, event: false });
  }
  if (type === 'TIME_SERIES') {
    const targets = { ts: effectiveTs(msg), latest: true, history: true, live: true };
    context.saveTelemetry(withMsg(msg, { data: values }), targets);
  }
  const entry = [[key, value]] as const;
  const inBody = type === 'MESSAGE_BODY' || (type !== 'MESSAGE_METADATA' && addToBody);
  const body = inBody ? withFetched(msg, 'DATA', entry) : msg;
  const inMetadata = type === 'MESSAGE_METADATA' || (type !== 'MESSAGE_BODY' && addToMetadata);
  return inMetadata ? withFetched(body, 'METADATA', entry) : body;
}
