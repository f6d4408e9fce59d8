import type { Credentials, CredentialsType } from '../model/device.ts';
import { ExactNumber, type JsonObject, type JsonValue } from '../model/json.ts';
import { Secret } from '../model/secret.ts';

/** A provisioning request, read from JSON (thingsboard-device-api 2.3). */
export interface ProvisionRequest {
  readonly key: string;
  readonly secret: Secret;
  /** Trimmed; undefined when absent or empty; `blank` when only white space was sent. */
  readonly deviceName: string | undefined;
  readonly blankName: boolean;
  readonly credentialsType: Exclude<CredentialsType, 'SIGNED_SECRET'> | 'LWM2M_CREDENTIALS';
  readonly token: string;
  readonly clientId: string;
  readonly userName: string;
  readonly password: string;
  readonly certificate: string;
  readonly gateway: boolean;
}

export type ParsedRequest =
  | { readonly ok: true; readonly request: ProvisionRequest }
  /** `field` and what is wrong with it, for the log; the device learns no more than that the form is wrong. */
  | { readonly ok: false; readonly field: string; readonly problem: string };

const TYPES = ['ACCESS_TOKEN', 'MQTT_BASIC', 'X509_CERTIFICATE', 'LWM2M_CREDENTIALS'] as const;

class FieldProblem extends Error {
  readonly field: string;
  constructor(field: string, problem: string) {
    super(problem);
    this.field = field;
  }
}

/**
 * Reads the members that matter; others are ignored. `null` counts as absent: the official Python SDK sends nulls
 * for partial MQTT_BASIC (2.3). Numbers are taken where text is expected, by their exact text.
 */
export function parseProvisionRequest(body: JsonObject): ParsedRequest {
  try {
    const key = textOf(body, 'provisionDeviceKey');
    const secret = textOf(body, 'provisionDeviceSecret');
    if (key === undefined) throw new FieldProblem('provisionDeviceKey', 'is missing');
    if (secret === undefined) throw new FieldProblem('provisionDeviceSecret', 'is missing');
    const rawName = textOf(body, 'deviceName');
    const typeText = textOf(body, 'credentialsType') ?? 'ACCESS_TOKEN';
    const credentialsType = TYPES.find((type) => type === typeText);
    if (!credentialsType) throw new FieldProblem('credentialsType', `must be one of ${TYPES.join(', ')}`);
    const deviceName = rawName === undefined || rawName === '' ? undefined : rawName.trim();
    return {
      ok: true,
      request: {
        key,
        secret: new Secret(secret),
        deviceName,
        blankName: deviceName === '',
        credentialsType,
        token: textOf(body, 'token') ?? '',
        clientId: textOf(body, 'clientId') ?? '',
        userName: textOf(body, 'username') ?? '',
        password: textOf(body, 'password') ?? '',
        certificate: stripArmour(textOf(body, 'hash') ?? ''),
        gateway: own(body, 'gateway') === true,
      },
    };
  } catch (error) {
    if (error instanceof FieldProblem) return { ok: false, field: error.field, problem: error.message };
    throw error;
  }
}

/**
 * The credentials a create request asks for (2.5, credential selection): undefined when no credential field was sent,
 * `problem` when the fields do not fit the type.
 */
export function requestedCredentials(
  request: ProvisionRequest,
): { readonly credentials: Credentials | undefined } | { readonly problem: string } {
  const { token, clientId, userName, password, certificate } = request;
  if ([token, clientId, userName, password, certificate].every((part) => part === ''))
    return { credentials: undefined };
  switch (request.credentialsType) {
    case 'ACCESS_TOKEN':
      return token === '' ? { problem: 'no token' } : { credentials: { type: 'ACCESS_TOKEN', token } };
    case 'MQTT_BASIC':
      return { credentials: { type: 'MQTT_BASIC', clientId, userName, password } };
    case 'X509_CERTIFICATE':
      return certificate === ''
        ? { problem: 'no certificate' }
        : { credentials: { type: 'X509_CERTIFICATE', certificate } };
    case 'LWM2M_CREDENTIALS':
      return { problem: 'LwM2M credentials are not supported' };
  }
}

const own = (body: JsonObject, field: string): JsonValue | undefined =>
  Object.hasOwn(body, field) ? body[field] : undefined;

function textOf(body: JsonObject, field: string): string | undefined {
  const value = own(body, field);
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean' || value instanceof ExactNumber) return String(value);
  throw new FieldProblem(field, `must be text, is ${Array.isArray(value) ? 'an array' : 'an object'}`);
}

// "hash" holds the certificate itself, PEM or bare base64: armour and line breaks are dropped (2.3).
function stripArmour(text: string): string {
  return text.replaceAll(/-----(BEGIN|END) [A-Z0-9 ]{1,40}-----/g, '').replaceAll(/\s+/g, '');
}
