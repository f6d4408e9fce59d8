import { randomBytes } from 'node:crypto';
import type { Clock } from '../model/clock.ts';
import { type Device, type SigningSecrets, type StoredCredentials, stateOf } from '../model/device.ts';
import { type KeyedHash, sameHash } from '../model/keyed-hash.ts';
import type { RegistryStore } from '../storage/registry-store.ts';
import type { SignedId } from './credentials.ts';
import { createFindSigned, type SignedDevice } from './signed-devices.ts';

export type SignedMatch =
  /** `credentials`: as in `LoginMatch`. */
  | { readonly kind: 'device'; readonly device: Device; readonly credentials: string }
  /** Signed rightly, but disabled or retired. */
  | { readonly kind: 'disabled'; readonly device: Device }
  | { readonly kind: 'expired' }
  /** No such device, or a wrong signature: nobody can tell which. */
  | { readonly kind: 'unknown' };

/** Logins of devices that sign with a secret of their own (registration-protocols 1.1, 1.4, 1.5, 1.8, 1.9). */
export interface SignedLogins {
  /**
   * The first good login makes the device active. An unknown device takes the same steps as a wrong signature.
   * @param verify whether the signature is made with this secret.
   */
  login(id: SignedId, verify: (secret: string) => boolean): Promise<SignedMatch>;
  /** By the token that a client of the device was given. */
  loginByToken(id: SignedId, clientId: string, token: string): Promise<SignedMatch>;
  /** The device of that product and key, whatever its state. */
  find(id: SignedId): Promise<Device | undefined>;
}

export interface SignedLoginParts {
  readonly store: RegistryStore;
  readonly hash: KeyedHash;
  readonly clock: Clock;
}

/** Times that a login looks anew when the device changes under it. */
const MAX_TRIES = 64;
const UNKNOWN: SignedMatch = { kind: 'unknown' };

type Check = (signing: SigningSecrets) => string | undefined;

export function createSignedLogins({ store, hash, clock }: SignedLoginParts): SignedLogins {
  // What an unknown device is checked against, so that the time does not tell which devices there are.
  const secret = hash.seal(randomBytes(16).toString('hex'));
  const decoy: SigningSecrets = { productKey: '', deviceKey: '', secret, former: secret, clients: [] };
  const find = createFindSigned({ store, hash });

  const attempt = async (id: SignedId, check: Check): Promise<SignedMatch | 'changed'> => {
    const found = await find(id);
    const used = check(found?.signing ?? decoy);
    if (used === undefined || !found) return UNKNOWN;
    const { expiresAt } = found.stored;
    if (expiresAt !== undefined && expiresAt <= clock.now()) return { kind: 'expired' };
    return admit(store, clock, { ...found, used });
  };

  const login = async (id: SignedId, check: Check): Promise<SignedMatch> => {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const match = await attempt(id, check);
      if (match !== 'changed') return match;
    }
    return UNKNOWN;
  };

  return {
    login: (id, verify) =>
      login(id, (signing) => {
        const isBy = (sealed: string): boolean => verify(hash.open(sealed) ?? '');
        const byPresent = isBy(signing.secret);
        const former = signing.former ?? secret;
        const inTime = signing.formerUntil !== undefined && signing.formerUntil > clock.now();
        const byFormer = isBy(former) && signing.former !== undefined && inTime;
        return byPresent ? signing.secret : byFormer ? signing.former : undefined;
      }),
    loginByToken: (id, clientId, token) =>
      login(id, ({ clients = [] }) => {
        const given = hash.hash('password', token);
        const client = clients.find((one) => one.clientId === clientId);
        return sameHash(client?.token ?? NO_TOKEN, given) ? client?.token : undefined;
      }),
    find: async (id) => (await find(id))?.device,
  };
}

const NO_TOKEN = '0'.repeat(64);

interface Verified extends SignedDevice {
  /** The sealed secret or the token's hash that was right. */
  readonly used: string;
}

async function admit(
  store: RegistryStore,
  clock: Clock,
  { device, stored, signing, used }: Verified,
): Promise<SignedMatch | 'changed'> {
  const credentials = signedCredentials(stored.index, used);
  const state = stateOf(device);
  if (state === 'disabled' || state === 'retired') return { kind: 'disabled', device };
  // The former secret ends with the first use of the new one.
  const outlived = used === signing.secret && signing.former !== undefined;
  if (state === 'active' && !outlived) return { kind: 'device', device, credentials };
  const { former: _, formerUntil: __, ...kept } = signing;
  const change = await store.changeState(device.id, {
    from: [state],
    to: 'active',
    ifSigning: signing,
    ...(outlived ? { credentials: { ...stored, signing: kept } } : {}),
    audit: {
      at: clock.now(),
      action: state === 'active' ? 'device.secret-used' : 'device.activate',
      by: `device:${device.id}`,
      subject: `device:${device.id}`,
      outcome: 'active',
    },
  });
  return change.kind === 'changed' ? { kind: 'device', device: change.device, credentials } : 'changed';
}

/** What a signed login used, for `Registry.credentialsEnd`: two secrets of one device have the same index. */
export const signedCredentials = (index: string, used: string): string => `${index} ${used}`;

/** The same for a login that has shown a certificate besides. */
export const withCertificate = (credentials: string, serial: string): string => `${credentials} ${serial}`;

/** When what a signed login used ends, as `Registry.credentialsEnd`; undefined also for credentials of another kind. */
export function signedEnd(
  { signing, expiresAt }: StoredCredentials,
  used: string,
  now: number,
): number | 'gone' | undefined {
  if (!signing || used === '') return expiresAt;
  if (used === signing.former) {
    return signing.formerUntil === undefined || signing.formerUntil <= now ? 'gone' : signing.formerUntil;
  }
  const isPresent = used === signing.secret || signing.clients?.some(({ token }) => token === used);
  return isPresent ? expiresAt : 'gone';
}
