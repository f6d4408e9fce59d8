import { BrokerError } from '../errors.ts';
import { type BusMessage, MAX_BUS_MESSAGE_BYTES } from './bus.ts';

type Form = 'text' | 'number' | 'boolean' | 'texts' | 'call';
type Fields = Readonly<Record<string, Form | `${Form}?`>>;

const device = 'text';

/** Fields of each message; what is not listed here is not taken from the wire. */
const FIELDS = {
  kick: { device, epoch: 'number' },
  'kick-heard': { device, epoch: 'number' },
  kicked: { device, epoch: 'number' },
  push: { device, text: 'text', deleted: 'texts?' },
  'session-end': { device, reason: 'text' },
  'credentials-changed': { device },
  'check-state': { device },
  'alarm-due': { device, chain: 'text', node: 'text' },
  'rpc-seek': { device },
  'rpc-listening': { device },
  'rpc-call': { device, id: 'text', call: 'call' },
  'rpc-outcome': { id: 'text', kind: 'text', text: 'text?' },
  'rpc-answer': { id: 'text', device, call: 'number', text: 'text', json: 'boolean' },
  'rpc-answered': { id: 'text', kind: 'text' },
  'call-reply': { device, session: 'text', request: 'text', text: 'text' },
  'request-reply': { id: 'text', text: 'text' },
  'rpc-stored': { device },
  'rpc-dropped': { device, id: 'text' },
  'chains-changed': {},
  watch: { entities: 'texts' },
  unwatch: { entities: 'texts' },
  changed: { entity: 'text', scope: 'text?', keys: 'texts', removed: 'boolean' },
  'app-packet': { packet: 'text' },
  'app-look': {},
  drain: {},
} as const satisfies Record<BusMessage['type'], Fields>;

const CALL: Fields = { method: 'text', params: 'text', oneway: 'boolean', expiresAt: 'number', leftMs: 'number?' };

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const has: Readonly<Record<Form, (value: unknown) => boolean>> = {
  text: (value) => typeof value === 'string',
  number: (value) => typeof value === 'number' && Number.isFinite(value),
  boolean: (value) => typeof value === 'boolean',
  texts: (value) => Array.isArray(value) && value.every((one) => typeof one === 'string'),
  call: (value) => isRecord(value) && fits(value, CALL),
};

function fits(value: Readonly<Record<string, unknown>>, fields: Fields): boolean {
  return Object.entries(fields).every(([name, form]) => {
    const given = Object.hasOwn(value, name) ? value[name] : undefined;
    if (form.endsWith('?')) return given === undefined || has[form.slice(0, -1) as Form](given);
    return has[form as Form](given);
  });
}

/** Undefined for what is no message, and for one of a type that this version does not know. */
export function parseBusMessage(text: string): BusMessage | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(value) || typeof value.type !== 'string' || !Object.hasOwn(FIELDS, value.type)) return undefined;
  const fields: Fields = FIELDS[value.type as BusMessage['type']];
  return fits(value, fields) ? (value as unknown as BusMessage) : undefined;
}

/** Throws BAD_REQUEST when the message is too large. */
export function formatBusMessage(message: BusMessage): string {
  const text = JSON.stringify(message);
  if (Buffer.byteLength(text) <= MAX_BUS_MESSAGE_BYTES) return text;
  const detail = `A message of type ${message.type} is larger than ${MAX_BUS_MESSAGE_BYTES} bytes and cannot go to other instances.`;
  throw new BrokerError('BAD_REQUEST', { detail });
}
