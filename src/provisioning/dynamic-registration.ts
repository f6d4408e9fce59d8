import { randomBytes } from 'node:crypto';
import { BrokerError } from '../errors.ts';
import type { Clock } from '../model/clock.ts';
import { type Device, type DeviceState, stateOf } from '../model/device.ts';
import type { KeyedHash } from '../model/keyed-hash.ts';
import type { DeviceProfile, ThingProfile } from '../profiles/index.ts';
import { toStored } from '../registry/credentials.ts';
import type { Registry } from '../registry/registry.ts';
import { createFindSigned, type SignedDevice } from '../registry/signed-devices.ts';
import { deviceKeyProblem, nameOfDevice, newDeviceSecret } from '../registry/signed-secrets.ts';
import type { AuditStore } from '../storage/record-stores.ts';
import type { RegistryStore } from '../storage/registry-store.ts';
import type { AdmissionRefusal, Admit, Overrides } from './admission.ts';
import { type CustomerHands, customerOf } from './provisioning.ts';

/** Why a device gets nothing; for audit, metrics and chains, never for the device. */
export type RegistrationRefusal =
  | 'off'
  | 'signature'
  | 'no-tls'
  | 'unknown-device'
  | 'repeat'
  | 'disabled'
  | 'quota-reached'
  | 'name-taken'
  | AdmissionRefusal;

export type Registered =
  | { readonly kind: 'issued'; readonly device: Device; readonly created: boolean; readonly deviceSecret: string }
  | {
      readonly kind: 'token';
      readonly device: Device;
      readonly created: boolean;
      readonly clientId: string;
      readonly token: string;
    }
  | { readonly kind: 'refused'; readonly reason: RegistrationRefusal; readonly device?: Device };

export interface RegistrationRequest {
  /** Of a signing dialect; undefined: no profile has the product key. */
  readonly profile: DeviceProfile | undefined;
  readonly deviceKey: string;
  /** Whether the product's secret signed it. */
  readonly signed: boolean;
  /** Whether nobody on the way can listen. */
  readonly secure: boolean;
  /** `token`: one of several clients of the device gets a token of its own (Alibaba's regnwl). */
  readonly wants: 'secret' | 'token';
  readonly address: string;
}

/** Devices that sign with their product's secret and get a secret of their own (registration-protocols 1.2, 1.7, 1.8). */
export interface DynamicRegistration {
  /** Durable when it resolves. Whatever is wrong, the same steps are taken; rejects only when the store fails. */
  register(request: RegistrationRequest): Promise<Registered>;
}

export interface DynamicRegistrationParts {
  readonly registry: Registry;
  readonly store: RegistryStore;
  readonly audit: AuditStore;
  readonly hash: KeyedHash;
  readonly clock: Clock;
  readonly admit: Admit;
  readonly customers: CustomerHands;
}

/** Physical devices that may share one name (registration-protocols 1.8). */
const MAX_CLIENTS = 5;
/** Times that a step is tried anew when the device changes under it. */
const MAX_TRIES = 64;

export function createDynamicRegistration(parts: DynamicRegistrationParts): DynamicRegistration {
  const { audit, clock } = parts;
  const find = createFindSigned(parts);
  return {
    async register(request) {
      const result = await attempt(request);
      const { profile, address } = request;
      if (result.kind === 'refused' || !result.created) {
        // Creation writes its own audit line in the registry.
        await audit.append({
          at: clock.now(),
          action: 'device.register',
          by: `address:${address}`,
          subject: result.device ? `device:${result.device.id}` : `profile:${profile?.name ?? ''}`,
          outcome: result.kind === 'refused' ? result.reason : result.kind,
        });
      }
      return result;
    },
  };

  async function attempt(request: RegistrationRequest): Promise<Registered> {
    const { productKey = '' } = request.profile?.thing ?? {};
    let created = false;
    let overrides: Overrides | undefined;
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const found = await find({ productKey, deviceKey: request.deviceKey });
      const verdict = judge(request, found);
      if (verdict !== undefined)
        return { kind: 'refused', reason: verdict, ...(found ? { device: found.device } : {}) };
      const { profile } = request;
      if (!profile?.thing) throw new BrokerError('INTERNAL', { detail: 'a request without a product was let pass' });
      if (!overrides) {
        const { rules } = profile.provision;
        const { deviceKey: serial, address } = request;
        const admission = await parts.admit({ profile: profile.name, rules, serial, address, claims: {} });
        if (admission.kind === 'refused')
          return { kind: 'refused', reason: admission.reason, ...(found ? { device: found.device } : {}) };
        overrides = admission.overrides;
      }
      const result = found
        ? await issue(parts, { ...request, profile, thing: profile.thing }, found)
        : await create(parts, { ...request, profile, thing: profile.thing }, overrides);
      if (result === 'made') created = true;
      else if (result !== 'changed') return result.kind === 'token' ? { ...result, created } : result;
    }
    throw new BrokerError('STORE_UNAVAILABLE', { reason: 'the device changes all the time' });
  }
}

/** Why the request is refused; undefined when it is not. */
function judge(request: RegistrationRequest, found: SignedDevice | undefined): RegistrationRefusal | undefined {
  const { profile, signed, secure, wants } = request;
  const { provision, thing, listeners } = profile ?? {};
  if (!signed || !thing || !provision) return 'signature';
  if (!secure && !listeners?.allowPlaintextProvisioning) return 'no-tls';
  if (!thing.dynamic) return 'off';
  if (!found) {
    if (provision.strategy !== 'allow-create-new-devices') return 'unknown-device';
    return deviceKeyProblem(thing, request.deviceKey) === undefined ? undefined : 'unknown-device';
  }
  const state = stateOf(found.device);
  if (state === 'disabled' || state === 'retired') return 'disabled';
  if (wants === 'token') return tokenVerdict(found);
  return openStates(provision.onExisting).includes(state) ? undefined : 'repeat';
}

/** Another client may join whenever one of the name has a token; a device with a secret of its own keeps that alone. */
function tokenVerdict({ device, signing }: SignedDevice): RegistrationRefusal | undefined {
  const clients = signing.clients?.length ?? 0;
  if (clients === 0) return stateOf(device) === 'registered' ? undefined : 'repeat';
  return clients < MAX_CLIENTS ? undefined : 'repeat';
}

const openStates = (policy: DeviceProfile['provision']['onExisting']): readonly DeviceState[] =>
  policy === 'reject' ? ['registered'] : ['registered', 'issued'];

interface Accepted extends RegistrationRequest {
  readonly profile: DeviceProfile;
  readonly thing: ThingProfile;
}

async function issue(
  { store, hash, clock }: DynamicRegistrationParts,
  { profile, thing, wants }: Accepted,
  { device, stored, signing }: SignedDevice,
): Promise<Registered | 'changed'> {
  if (wants === 'token') {
    const client = newClient();
    const clients = [
      ...(signing.clients ?? []),
      { clientId: client.clientId, token: hash.hash('password', client.token) },
    ];
    const state = stateOf(device);
    const change = await store.changeState(device.id, {
      from: [state],
      ...(state === 'registered' ? { to: 'issued' } : {}),
      credentials: { ...stored, signing: { ...signing, clients } },
      ifSigning: signing,
    });
    return change.kind === 'changed' ? { kind: 'token', device: change.device, created: false, ...client } : 'changed';
  }
  const rotates = profile.provision.onExisting === 'rotate-until-active';
  const kept = rotates ? undefined : hash.open(signing.secret);
  const deviceSecret = kept ?? newDeviceSecret(thing);
  const { productKey, deviceKey } = signing;
  const fresh = { type: 'SIGNED_SECRET', productKey, deviceKey, deviceSecret } as const;
  const change = await store.changeState(device.id, {
    from: openStates(profile.provision.onExisting),
    to: 'issued',
    ifSigning: signing,
    ...(kept === undefined
      ? { credentials: toStored(device.id, fresh, hash, { now: clock.now(), keepSealed: false }) }
      : {}),
  });
  return change.kind === 'changed'
    ? { kind: 'issued', device: change.device, created: false, deviceSecret }
    : 'changed';
}

/** Name and profile of a device of a product are what the product says; the hook may give it a customer. */
async function create(
  parts: DynamicRegistrationParts,
  request: Accepted,
  { customer: title }: Overrides,
): Promise<Registered | 'made' | 'changed'> {
  const { profile, thing, deviceKey, wants } = request;
  const { quota } = profile.provision;
  const { productKey } = thing;
  const deviceSecret = newDeviceSecret(thing);
  const customer = title === undefined ? undefined : await customerOf(title, parts);
  const created = await parts.registry.create({
    name: nameOfDevice(thing, deviceKey),
    profile: profile.name,
    credentials: { type: 'SIGNED_SECRET', productKey, deviceKey, deviceSecret },
    state: wants === 'token' ? 'registered' : 'issued',
    by: `provision:${profile.name}`,
    ...(customer === undefined ? {} : { customer }),
    ...(quota === undefined ? {} : { profileQuota: quota }),
  });
  switch (created.kind) {
    case 'created':
      // Its first client then joins like any other.
      if (wants === 'token') return 'made';
      return { kind: 'issued', device: created.device, created: true, deviceSecret };
    case 'credentials-taken':
      return 'changed'; // another request was faster
    case 'name-taken': {
      const holder = await parts.store.credentialsOf(created.deviceId);
      const isSame = holder?.signing?.productKey === productKey && holder.signing.deviceKey === deviceKey;
      return isSame ? 'changed' : { kind: 'refused', reason: 'name-taken' };
    }
    case 'quota-reached':
      return { kind: 'refused', reason: created.kind };
  }
}

/** Both fit the buffers of small clients: 63 characters at most (registration-protocols 1.8). */
const newClient = (): { readonly clientId: string; readonly token: string } => ({
  clientId: randomBytes(12).toString('hex'),
  token: randomBytes(16).toString('hex'),
});
