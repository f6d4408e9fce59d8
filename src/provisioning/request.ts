import { TBP1_METHOD, type Tbp1Request, tbp1Content } from '../dialects/wire/tbp1.ts';
import type { Credentials, CredentialsType } from '../model/device.ts';
import { ExactNumber, isJsonObject, type JsonObject, type JsonValue, parseJson } from '../model/json.ts';
import { Secret } from '../model/secret.ts';
import { POSSESSION_KEYS, type PossessionKey, readPossessionKey } from './possession.ts';

/** A provisioning request, read from JSON (thingsboard-device-api 2.3, registration-protocols 1.12). */
export interface ProvisionRequest {
  readonly key: string;
  /** Empty in a signed request. */
  readonly secret: Secret;
  /** Absent: the secret itself was sent. */
  readonly signed: SignedProof | undefined;
  /** Trimmed; undefined when absent or empty; `blank` when only white space was sent. */
  readonly deviceName: string | undefined;
  readonly blankName: boolean;
  readonly credentialsType: Exclude<CredentialsType, 'SIGNED_SECRET'> | 'LWM2M_CREDENTIALS';
  readonly token: string;
  readonly clientId: string;
  readonly userName: string;
  readonly password: string;
  readonly certificate: string;
  /** A certificate signing request, PEM, in place of the certificate; empty = none. */
  readonly csr: string;
  readonly gateway: boolean;
  /** The key by which a new device shows later that it is the same. */
  readonly possessionKey: PossessionKey | undefined;
  /** What shows it, of a device that exists. */
  readonly possession: SignedProof | undefined;
  /** What else the device claims, signed; chains hear of it once. */
  readonly claims: JsonObject;
}

/** What stands in a signed request for the secret. */
export interface SignedProof {
  readonly fields: Tbp1Request;
  /** What was signed. */
  readonly content: string;
  /** Hex, of either case. */
  readonly sign: string;
}

export type ParsedRequest =
  | { readonly ok: true; readonly request: ProvisionRequest }
  /** `field` and what is wrong with it, for the log; the device learns no more than that the form is wrong. */
  | { readonly ok: false; readonly field: string; readonly problem: string };

const TYPES = ['ACCESS_TOKEN', 'MQTT_BASIC', 'X509_CERTIFICATE', 'LWM2M_CREDENTIALS'] as const;
/** Members that ask for credentials: chains hear of claims without them. */
const OF_CREDENTIALS = [
  'credentialsType',
  'token',
  'clientId',
  'username',
  'password',
  'hash',
  'csr',
  'gateway',
  'possessionKey',
];
const CLAIM_LIMITS = { maxDepth: 8, maxKeys: 200 };
const MAX_CLAIMS = 8_192;
const NONCE = { min: 16, max: 128 };
const MAX_NAME = 255;

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
    const signed = textOf(body, 'sign') === undefined ? undefined : signedProof(body, key);
    if (signed && secret !== undefined) {
      throw new FieldProblem('provisionDeviceSecret', 'must not be sent in a signed request');
    }
    if (!signed && secret === undefined) throw new FieldProblem('provisionDeviceSecret', 'is missing');
    // What is not signed does not count.
    const asked = signed ? claimsOf(signed.fields.claims) : body;
    const rawName = textOf(body, 'deviceName');
    const typeText = textOf(asked, 'credentialsType') ?? 'ACCESS_TOKEN';
    const credentialsType = TYPES.find((type) => type === typeText);
    if (!credentialsType) throw new FieldProblem('credentialsType', `must be one of ${TYPES.join(', ')}`);
    const csr = textOf(asked, 'csr') ?? '';
    if (csr !== '' && (credentialsType !== 'X509_CERTIFICATE' || (textOf(asked, 'hash') ?? '') !== '')) {
      throw new FieldProblem('csr', 'needs credentialsType X509_CERTIFICATE, and no hash');
    }
    const deviceName = rawName === undefined || rawName === '' ? undefined : rawName.trim();
    return {
      ok: true,
      request: {
        key,
        secret: new Secret(secret ?? ''),
        signed,
        deviceName,
        blankName: deviceName === '',
        credentialsType,
        token: textOf(asked, 'token') ?? '',
        clientId: textOf(asked, 'clientId') ?? '',
        userName: textOf(asked, 'username') ?? '',
        password: textOf(asked, 'password') ?? '',
        csr,
        certificate: stripArmour(textOf(asked, 'hash') ?? ''),
        gateway: own(asked, 'gateway') === true,
        possessionKey: possessionKeyOf(asked),
        possession: textOf(body, 'possessionSign') === undefined ? undefined : possessionProof(body, key),
        claims: signed ? withoutCredentials(asked) : {},
      },
    };
  } catch (error) {
    if (error instanceof FieldProblem) return { ok: false, field: error.field, problem: error.message };
    throw error;
  }
}

function signedProof(body: JsonObject, provisionDeviceKey: string): SignedProof {
  const method = textOf(body, 'signMethod') ?? TBP1_METHOD;
  if (method !== TBP1_METHOD) throw new FieldProblem('signMethod', `must be ${TBP1_METHOD}`);
  const claims = own(body, 'claims');
  if (typeof claims !== 'string') throw new FieldProblem('claims', 'must be JSON as a text in a signed request');
  return { ...signedFields(body, provisionDeviceKey, claims), sign: textOf(body, 'sign') ?? '' };
}

/** The same lines under another first one, so that neither signature can stand for the other. */
function possessionProof(body: JsonObject, provisionDeviceKey: string): SignedProof {
  const { fields, content } = signedFields(body, provisionDeviceKey, textOf(body, 'claims') ?? '');
  return { fields, content: content.replace(/^TBP1/, 'TBP1-possession'), sign: textOf(body, 'possessionSign') ?? '' };
}

function possessionKeyOf(asked: JsonObject): PossessionKey | undefined {
  const value = own(asked, 'possessionKey') ?? null;
  if (value === null) return undefined;
  const key = readPossessionKey(value);
  if (key) return key;
  const problem = `must be {"type", "key"} with a type of ${POSSESSION_KEYS.join(', ')} and a key in base64`;
  throw new FieldProblem('possessionKey', problem);
}

function signedFields(body: JsonObject, provisionDeviceKey: string, claims: string): Omit<SignedProof, 'sign'> {
  const must = (field: string): string => {
    const text = textOf(body, field);
    if (text === undefined) throw new FieldProblem(field, 'is missing in a signed request');
    return text;
  };
  const deviceName = must('deviceName');
  // One device, one signed name: a key derived from "a " would be another one than that of "a".
  if (deviceName.trim() !== deviceName || deviceName === '' || deviceName.length > MAX_NAME) {
    throw new FieldProblem('deviceName', `must be 1 to ${MAX_NAME} characters without outer white space`);
  }
  const timestamp = textOf(body, 'timestamp') ?? '';
  if (!/^\d{0,16}$/.test(timestamp)) throw new FieldProblem('timestamp', 'must be milliseconds since 1970');
  const nonce = must('nonce');
  if (nonce.length < NONCE.min || nonce.length > NONCE.max) {
    throw new FieldProblem('nonce', `must be ${NONCE.min} to ${NONCE.max} characters`);
  }
  if (claims.length > MAX_CLAIMS) throw new FieldProblem('claims', `must not be longer than ${MAX_CLAIMS} characters`);
  const fields = { provisionDeviceKey, deviceName, timestamp, nonce, claims };
  const content = tbp1Content(fields);
  if (content === undefined) throw new FieldProblem('deviceName', 'or another signed field holds a control character');
  return { fields, content };
}

function claimsOf(text: string): JsonObject {
  const parsed = parseJson(text, CLAIM_LIMITS);
  if (parsed.ok && isJsonObject(parsed.value)) return parsed.value;
  throw new FieldProblem('claims', 'must be a JSON object, as a text');
}

const withoutCredentials = (claims: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(claims).filter(([name]) => !OF_CREDENTIALS.includes(name)));

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
