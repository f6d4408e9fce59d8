import { randomInt } from 'node:crypto';
import { isDeviceKey, MAX_SECRET } from '../dialects/wire/dialect.ts';
import type { Credentials, SigningSecrets, StoredCredentials } from '../model/device.ts';
import type { DeviceId } from '../model/ids.ts';
import { type KeyedHash, sha3Hex } from '../model/keyed-hash.ts';

const ALPHANUMERICS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** Random letters and digits from the system's generator; 20 of them carry 119 bits (thingsboard-device-api 2.3). */
export function randomAlphanumerics(length: number): string {
  let text = '';
  for (let i = 0; i < length; i++) text += ALPHANUMERICS[randomInt(ALPHANUMERICS.length)];
  return text;
}

/** A CONNECT's identity, as far as credentials go. Empty texts count as absent. */
export interface LoginNames {
  readonly clientId: string;
  readonly userName: string;
}

/**
 * Credentials indexes to try, in order (thingsboard-device-api 1.2). A match of an index that `mustBe` MQTT_BASIC ends the
 * search, also when its password is wrong. Names and hashed ids live in different domains: a user name
 * that spells another device's hash finds nothing.
 */
export function loginIndexes(login: LoginNames, hash: KeyedHash): readonly string[] {
  const { clientId, userName } = login;
  if (userName === '') return clientId === '' ? [] : [clientIndex(clientId, '', hash)];
  return [clientIndex(clientId, userName, hash), hash.hash('credentials-name', userName)];
}

/**
 * ThingsBoard joins client id and user name with a bar, and looks at the parts afterwards. Only hashes are kept here: a client
 * id that holds a bar itself has a form of its own, so that `a|b` alone is never taken for `a` with user name `b`.
 */
function clientIndex(clientId: string, userName: string, hash: KeyedHash): string {
  if (clientId.includes('|')) return hash.hash('credentials-parts', sha3Hex(JSON.stringify([clientId, userName])));
  return hash.hash('credentials-hash', sha3Hex(userName === '' ? clientId : `${clientId}|${userName}`));
}

/** Unique index of credentials: the keyed hash of ThingsBoard's credentials id. */
export function credentialsIndex(credentials: Credentials, hash: KeyedHash): string {
  switch (credentials.type) {
    case 'ACCESS_TOKEN':
      return hash.hash('credentials-name', credentials.token);
    case 'MQTT_BASIC': {
      const { clientId = '', userName = '' } = credentials;
      if (clientId === '') return hash.hash('credentials-name', userName);
      return clientIndex(clientId, userName, hash);
    }
    case 'X509_CERTIFICATE':
      return hash.hash('credentials-hash', sha3Hex(credentials.certificate));
    case 'SIGNED_SECRET':
      return signedIndex(credentials, hash);
  }
}

/** The index of the device with that key in that product; neither text can hold a line end. */
export function signedIndex({ productKey, deviceKey }: SignedId, hash: KeyedHash): string {
  return hash.hash('signed-secret', `${productKey}\n${deviceKey}`);
}

/** Who a signing device says it is. */
export interface SignedId {
  readonly productKey: string;
  readonly deviceKey: string;
}

// Refused in every part of credentials (thingsboard-device-api 1.2, storage rules); C1 too: no CONNECT may carry them.
const CONTROLS = /\p{Cc}/u;
/** The front takes no longer client id. */
const MAX_CLIENT_ID = 256;
/** A CONNECT of this user name or client id opens a provisioning session (1.1): no device could log in by it. */
const RESERVED = 'provision';

/** What is wrong with credentials, in words; undefined when they may be stored. */
export function credentialsProblem(credentials: Credentials): string | undefined {
  const { type: _, ...texts } = credentials;
  const parts: readonly string[] = Object.values(texts);
  if (parts.some((part) => CONTROLS.test(part))) return 'control characters are not allowed';
  if (parts.some((part) => part.length > 8192)) return 'longer than 8192 characters';
  switch (credentials.type) {
    case 'ACCESS_TOKEN':
      if (credentials.token === RESERVED) return `"${RESERVED}" is kept for provisioning`;
      return credentials.token === '' ? 'the token is empty' : undefined;
    case 'MQTT_BASIC': {
      const { clientId = '', userName = '', password = '' } = credentials;
      if (clientId === '' && userName === '') return 'client id and user name are both empty';
      if (userName === '' && password !== '') return 'a password needs a user name';
      if (clientId === RESERVED || userName === RESERVED) return `"${RESERVED}" is kept for provisioning`;
      if (clientId.length > MAX_CLIENT_ID) return `the client id is longer than ${MAX_CLIENT_ID} characters`;
      if (clientId in Object.prototype) return 'the client id is a reserved word';
      return undefined;
    }
    case 'X509_CERTIFICATE':
      return credentials.certificate === '' ? 'the certificate is empty' : undefined;
    case 'SIGNED_SECRET': {
      const { productKey, deviceKey, deviceSecret } = credentials;
      if (productKey === '') return 'the product key is empty';
      if (!isDeviceKey('enos', deviceKey)) return 'the device key is empty, too long or has other characters';
      if (deviceSecret.length > MAX_SECRET) return `the device secret is longer than ${MAX_SECRET} characters`;
      return deviceSecret === '' ? 'the device secret is empty' : undefined;
    }
  }
}

/** @param keepSealed keep the clear text, sealed, for a pre-provisioned device to fetch once. */
export function toStored(
  deviceId: DeviceId,
  credentials: Credentials,
  hash: KeyedHash,
  options: { now: number; keepSealed: boolean },
): StoredCredentials {
  const password = credentials.type === 'MQTT_BASIC' ? (credentials.password ?? '') : '';
  return {
    deviceId,
    type: credentials.type,
    index: credentialsIndex(credentials, hash),
    createdAt: options.now,
    ...(credentials.type === 'SIGNED_SECRET' ? { signing: signingSecrets(credentials, hash) } : {}),
    ...(password === '' ? {} : { passwordHash: hash.hash('password', password) }),
    ...(options.keepSealed ? { sealed: hash.seal(JSON.stringify(credentials)) } : {}),
  };
}

function signingSecrets(credentials: Extract<Credentials, { type: 'SIGNED_SECRET' }>, hash: KeyedHash): SigningSecrets {
  const { productKey, deviceKey, deviceSecret } = credentials;
  return { productKey, deviceKey, secret: hash.seal(deviceSecret) };
}

/** The clear text of sealed credentials; undefined when there is none or it was sealed with another key. */
export function openSealed(stored: StoredCredentials, hash: KeyedHash): Credentials | undefined {
  const text = stored.sealed === undefined ? undefined : hash.open(stored.sealed);
  return text === undefined ? undefined : (JSON.parse(text) as Credentials);
}
