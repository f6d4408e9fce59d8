import { isDeviceKey } from '../dialects/wire/dialect.ts';
import { hexBytes, sameBytes } from '../dialects/wire/signature.ts';
import { TBP1_METHOD, tbp1Content, tbp1DeviceKey, tbp1Signature } from '../dialects/wire/tbp1.ts';
import type { Clock } from '../model/clock.ts';
import { type Device, stateOf } from '../model/device.ts';
import type { KeyedHash } from '../model/keyed-hash.ts';
import type { DeviceProfile, ProfileSet } from '../profiles/index.ts';
import type { FindSigned, SignedDevice } from '../registry/signed-devices.ts';
import type { AuditStore } from '../storage/record-stores.ts';
import type { Challenges } from './challenges.ts';
import type { DynamicRegistration, Registered } from './dynamic-registration.ts';
import type { Once } from './once.ts';

/** What a device posts to a function of Alibaba's that registers it, with a proof besides (registration-protocols 1.6, 1.12). */
export interface FunctionRequest {
  readonly productKey: string;
  readonly deviceId: string;
  readonly proof: FunctionProof | undefined;
  readonly address: string;
  readonly secure: boolean;
}

/** Signs product key and deviceId as TBP1 does, with claims that are empty. */
export interface FunctionProof {
  readonly method: string;
  readonly timestamp: string;
  readonly nonce: string;
  readonly sign: string;
}

/** `same`: the device had it already, and proves that it is the one. */
export type FunctionResult =
  | { readonly kind: 'same'; readonly device: Device; readonly deviceSecret: string }
  | Exclude<Registered, { kind: 'token' }>;

export interface FunctionComputeParts {
  readonly registration: DynamicRegistration;
  readonly find: FindSigned;
  readonly profiles: () => ProfileSet;
  readonly once: Once;
  readonly challenges: Challenges;
  readonly audit: AuditStore;
  readonly hash: KeyedHash;
  readonly clock: Clock;
}

/** Register, else query: the device gets the same triple each time, if it may have it. Rejects only when the store fails. */
export type RegisterByFunction = (request: FunctionRequest) => Promise<FunctionResult>;

/** Whose key has signed: the device's own, the product's, which many may hold, or nobody's. */
type Proved = 'device' | 'product' | 'none' | 'wrong';

const NO_SECRET = '?'.repeat(80);
const SLOTS = 2;

export function createFunctionCompute(parts: FunctionComputeParts): RegisterByFunction {
  const { registration, find, profiles, audit, hash, clock } = parts;

  return async (request) => {
    const { productKey, deviceId, address, secure } = request;
    const named = profiles().byProductKey(productKey);
    const profile = named?.thing?.functionCompute && isDeviceKey('alibaba', deviceId) ? named : undefined;
    const found = await find({ productKey, deviceKey: deviceId });
    const proved = await check(request, profile, found);
    const mayHear = secure || profile?.listeners?.allowPlaintextProvisioning === true;
    if (profile && found && proved === 'device' && mayHear && stateOf(found.device) === 'active') {
      return giveAgain(found, address);
    }
    const signed = proved === 'device' || proved === 'product' || (proved === 'none' && isListed(profile, found));
    const wanted = { profile: profile && keepingSecrets(profile), deviceKey: deviceId, signed, secure, address };
    const result = await registration.register({ ...wanted, wants: 'secret' });
    return result.kind === 'token' ? { kind: 'refused', reason: 'signature' } : result;
  };

  async function giveAgain({ device, signing }: SignedDevice, address: string): Promise<FunctionResult> {
    const deviceSecret = hash.open(signing.secret);
    if (deviceSecret === undefined) return { kind: 'refused', reason: 'signature', device };
    const subject = `device:${device.id}`;
    await audit.append({
      at: clock.now(),
      action: 'device.register',
      by: `address:${address}`,
      subject,
      outcome: 'same',
    });
    return { kind: 'same', device, deviceSecret };
  }

  async function check(
    { productKey, deviceId, proof }: FunctionRequest,
    profile: DeviceProfile | undefined,
    found: SignedDevice | undefined,
  ): Promise<Proved> {
    if (!proof) return 'none';
    const { method, timestamp, nonce, sign } = proof;
    const request = { provisionDeviceKey: productKey, deviceName: deviceId, timestamp, nonce, claims: '' };
    const content = tbp1Content(request);
    const given = method === TBP1_METHOD ? hexBytes(sign, 32) : undefined;
    const now = clock.now();
    const secrets = (profile?.thing?.secrets ?? []).filter(({ until }) => until === undefined || now < until);
    const isBy = (key: string | Uint8Array): boolean => sameBytes(given, tbp1Signature(content ?? '', key));
    let [byDevice, byProduct] = [isBy((found && hash.open(found.signing.secret)) || NO_SECRET), false];
    // As many steps for a product that is not there.
    for (let slot = 0; slot < SLOTS; slot++) {
      const secret = secrets[slot]?.secret.reveal() ?? NO_SECRET;
      byProduct = isBy(secret) || byProduct;
      byDevice = isBy(tbp1DeviceKey(secret, deviceId)) || byDevice;
    }
    const proved = byDevice ? 'device' : byProduct ? 'product' : 'wrong';
    if (proved === 'wrong' || !profile || content === undefined) return 'wrong';
    return (await isFresh(profile, timestamp, nonce)) ? proved : 'wrong';
  }

  /** In time, or a living challenge; and for the first time. */
  async function isFresh({ name, provision }: DeviceProfile, timestamp: string, nonce: string): Promise<boolean> {
    const now = clock.now();
    const { skewMs } = provision.rules.proof;
    const challengeEnd = parts.challenges.endOf(nonce);
    const inTime =
      challengeEnd === undefined ? timestamp !== '' && Math.abs(now - Number(timestamp)) <= skewMs : now < challengeEnd;
    return inTime && parts.once.take(`fc ${name} ${nonce}`, challengeEnd ?? now + 2 * skewMs);
  }
}

/** Whether somebody has said beforehand that this device will come. */
function isListed(profile: DeviceProfile | undefined, found: SignedDevice | undefined): boolean {
  if (!profile) return false;
  const { rules, strategy } = profile.provision;
  // The list itself is looked at with the other rules of the profile.
  return rules.allowList !== 'off' || (strategy === 'check-pre-provisioned-devices' && found !== undefined);
}

/** A function gives what there is, whatever other registrations of the product do. */
function keepingSecrets({ thing, provision, ...profile }: DeviceProfile): DeviceProfile {
  const registers = thing && { thing: { ...thing, dynamic: true } };
  return { ...profile, ...registers, provision: { ...provision, onExisting: 'once' } };
}
