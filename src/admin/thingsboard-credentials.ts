import { BrokerError } from '../errors.ts';
import { CREDENTIALS_TYPES, type Credentials, type StoredCredentials } from '../model/device.ts';
import { ExactNumber, parseJson } from '../model/json.ts';
import { json, optional } from '../schema/fields.ts';
import type { AdminDeps } from './deps.ts';
import { deviceOf, idParam } from './lookup.ts';
import { defineRoute, type JsonSchema, type Route } from './route.ts';
import { object } from './wire.ts';

/** Stands where ThingsBoard gives the credentials in clear: only their hashes are stored here. */
const MASK = '********';
const string = { type: 'string' } as const;
const orNull = { type: ['string', 'null'] } as const;

/** Credentials as ThingsBoard's clients write them. */
export interface ThingsBoardCredentials {
  readonly credentialsType?: Credentials['type'];
  readonly credentialsId?: string | null;
  readonly credentialsValue?: string | null;
}

export const THINGSBOARD_CREDENTIALS = {
  type: 'object',
  properties: {
    credentialsType: { enum: CREDENTIALS_TYPES, default: 'ACCESS_TOKEN' },
    credentialsId: { ...orNull, description: 'ACCESS_TOKEN: the token.' },
    credentialsValue: {
      ...orNull,
      description: 'X509_CERTIFICATE: the certificate; MQTT_BASIC: JSON text with clientId, userName, password.',
    },
  },
} as const satisfies JsonSchema;

const ANSWER = object({
  id: object({ id: string }),
  createdTime: { type: 'integer' },
  deviceId: object({ entityType: string, id: string }),
  credentialsType: string,
  credentialsId: { ...string, description: 'Masked: credentials cannot be read back.' },
  credentialsValue: { type: 'null' },
});

/** Credentials under ThingsBoard's paths; what they are is never given out. */
export function credentialsRoutes(deps: AdminDeps): readonly Route[] {
  const { registry, deviceApi, storage } = deps;
  const common = { tag: 'devices', lenient: true, answer: ANSWER } as const;
  const read = async (id: string) => {
    const device = await deviceOf(id, deps);
    const stored = await storage.registry.credentialsOf(device.id);
    if (!stored) throw new BrokerError('NOT_FOUND', { device: device.id });
    return toThingsBoard(stored);
  };
  return [
    defineRoute({
      ...common,
      method: 'GET',
      url: '/api/device/:id/credentials',
      summary: 'Type of the credentials of a device; the credentials themselves are stored as hashes only.',
      role: 'operator',
      params: idParam,
      handle: ({ params }) => read(params.id),
    }),
    defineRoute({
      ...common,
      method: 'POST',
      url: '/api/device/credentials',
      summary: 'Replaces the credentials of a device and ends its session.',
      role: 'administrator',
      body: {
        deviceId: json<{ readonly id: string }>('The device.', {
          type: 'object',
          required: ['id'],
          properties: { id: string },
        }),
        credentialsType: optional(json<Credentials['type']>('Type.', { enum: CREDENTIALS_TYPES })),
        credentialsId: optional(json<string | null>('ACCESS_TOKEN: the token.', orNull)),
        credentialsValue: optional(
          json<string | null>('X509_CERTIFICATE, MQTT_BASIC: see device-with-credentials.', orNull),
        ),
      },
      async handle({ body, by }) {
        const { credentialsType, credentialsId, credentialsValue } = body;
        const credentials = fromThingsBoard({
          ...(credentialsType === undefined ? {} : { credentialsType }),
          ...(credentialsId === undefined ? {} : { credentialsId }),
          ...(credentialsValue === undefined ? {} : { credentialsValue }),
        });
        const { id } = await deviceOf(body.deviceId.id, deps);
        await registry.rotate(id, credentials, by);
        deviceApi.endSession(id, 'credentials-changed');
        return read(id);
      },
    }),
  ];
}

/** Throws CREDENTIALS_INVALID. */
export function fromThingsBoard(given: ThingsBoardCredentials): Credentials {
  const { credentialsType: type = 'ACCESS_TOKEN', credentialsId, credentialsValue } = given;
  if (credentialsId === MASK || credentialsValue === MASK) {
    throw new BrokerError('CREDENTIALS_INVALID', {
      field: 'credentialsId',
      detail: 'this is the mask, not credentials',
    });
  }
  switch (type) {
    case 'ACCESS_TOKEN':
      return { type, token: credentialsId ?? '' };
    case 'X509_CERTIFICATE':
      return { type, certificate: (credentialsValue ?? '').replaceAll(/-----[A-Z ]+-----|\s/g, '') };
    case 'SIGNED_SECRET':
      throw new BrokerError('CREDENTIALS_INVALID', {
        field: 'credentialsType',
        detail: 'ThingsBoard has no SIGNED_SECRET: use /api/gridmoor',
      });
    case 'MQTT_BASIC':
      return { type, ...basicParts(credentialsValue ?? '') };
  }
}

function basicParts(text: string): Omit<Extract<Credentials, { type: 'MQTT_BASIC' }>, 'type'> {
  const parsed = parseJson(text, { maxDepth: 2, maxKeys: 10 });
  const value = parsed.ok ? parsed.value : undefined;
  const wrong = (): BrokerError =>
    new BrokerError('CREDENTIALS_INVALID', {
      field: 'credentialsValue',
      detail: 'must be JSON text of an object with the texts clientId, userName, password',
    });
  if (value === null || typeof value !== 'object' || Array.isArray(value) || value instanceof ExactNumber)
    throw wrong();
  const part = (name: string): Record<string, string> => {
    const one = value[name] ?? null;
    if (one === null) return {};
    if (typeof one !== 'string') throw wrong();
    return { [name]: one };
  };
  return { ...part('clientId'), ...part('userName'), ...part('password') };
}

const toThingsBoard = ({ deviceId, type, createdAt }: StoredCredentials) => ({
  id: { id: deviceId },
  createdTime: createdAt,
  deviceId: { entityType: 'DEVICE', id: deviceId },
  credentialsType: type,
  credentialsId: MASK,
  credentialsValue: null,
});
