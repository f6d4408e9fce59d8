import { BrokerError } from '../errors.ts';
import { CREDENTIALS_TYPES, type Credentials } from '../model/device.ts';
import type { JsonSchema } from './route.ts';

const text = { type: 'string' } as const;

/** Credentials in clear, as an administrator gives them and gets them once. */
export const CREDENTIALS = {
  type: 'object',
  additionalProperties: false,
  required: ['type'],
  properties: {
    type: { enum: CREDENTIALS_TYPES },
    token: { ...text, description: 'ACCESS_TOKEN.' },
    clientId: { ...text, description: 'MQTT_BASIC.' },
    userName: { ...text, description: 'MQTT_BASIC.' },
    password: { ...text, description: 'MQTT_BASIC.' },
    certificate: { ...text, description: 'X509_CERTIFICATE: base64 DER.' },
    productKey: { ...text, description: 'SIGNED_SECRET.' },
    deviceKey: { ...text, description: 'SIGNED_SECRET.' },
    deviceSecret: { ...text, description: 'SIGNED_SECRET.' },
  },
} as const satisfies JsonSchema;

/** Which parts each type has. */
const PARTS = {
  ACCESS_TOKEN: ['token'],
  MQTT_BASIC: ['clientId', 'userName', 'password'],
  X509_CERTIFICATE: ['certificate'],
  SIGNED_SECRET: ['productKey', 'deviceKey', 'deviceSecret'],
} as const satisfies Record<Credentials['type'], readonly string[]>;

type GivenCredentials = { readonly type: Credentials['type'] } & Readonly<Record<string, string | undefined>>;

/** Credentials that fit CREDENTIALS, with only the parts of their type. Throws CREDENTIALS_INVALID. */
export function checkedCredentials(given: unknown): Credentials | undefined {
  if (given === undefined) return undefined;
  const { type, ...parts } = given as GivenCredentials;
  const allowed: readonly string[] = PARTS[type];
  const extra = Object.keys(parts).find((part) => !allowed.includes(part));
  if (extra !== undefined) {
    const detail = `"${extra}" does not belong to ${type}, which has: ${allowed.join(', ')}`;
    throw new BrokerError('CREDENTIALS_INVALID', { field: `credentials/${extra}`, detail });
  }
  switch (type) {
    case 'ACCESS_TOKEN':
      return { type, token: parts.token ?? '' };
    case 'MQTT_BASIC':
      return { type, ...parts };
    case 'X509_CERTIFICATE':
      return { type, certificate: parts.certificate ?? '' };
    case 'SIGNED_SECRET': {
      const { productKey = '', deviceKey = '', deviceSecret = '' } = parts;
      return { type, productKey, deviceKey, deviceSecret };
    }
  }
}
