import { isDeviceKey } from '../dialects/wire/dialect.ts';
import { isSignature, loginContent, signatureHash } from '../dialects/wire/signature.ts';
import type { Clock } from '../model/clock.ts';
import type { Device } from '../model/device.ts';
import type { Relation } from '../model/entity.ts';
import type { DeviceProfile, ProfileSet } from '../profiles/index.ts';
import { isSignedByProduct } from '../provisioning/product-secret.ts';
import type { Registry } from '../registry/registry.ts';
import type { SignedLogins } from '../registry/signed-logins.ts';
import { deviceKeyOf } from '../registry/signed-secrets.ts';
import type { AssetStore } from '../storage/asset-store.ts';
import type { AuditStore } from '../storage/record-stores.ts';
import type { LiveCredentials } from './live-credentials.ts';
import type { ThingRegistration } from './thing-registration.ts';

/** A sub-device as its gateway names it. */
export interface ChildName {
  readonly productKey: string;
  readonly deviceKey: string;
}

/** What a gateway signs for its sub-device (registration-protocols 1.5, 1.9). */
export interface ChildLogin extends ChildName {
  /** As it came: all of it is signed. */
  readonly clientId: string;
  readonly timestamp: string | undefined;
  readonly signMethod: string | undefined;
  readonly sign: string;
  /** The product's secret: the sub-device gets one of its own. */
  readonly byProduct: boolean;
}

export type ChildResult =
  | {
      readonly kind: 'device';
      readonly device: Device;
      readonly profile: DeviceProfile;
      readonly deviceSecret?: string;
    }
  /** `disabled`: signed rightly. Without a reason it is unknown, forbidden, or signed wrongly: nobody can tell which. */
  | { readonly kind: 'refused'; readonly reason?: 'disabled' };

/** What a signature shows; `disabled` is told to who signed rightly. */
export type ChildVerified = Device | 'disabled' | undefined;

/** Sub-devices that sign, or whose gateway has them registered. Rejects only when the store fails. */
export interface ThingChildren {
  /** @param secure whether nobody can listen on the way to the gateway. */
  login(gateway: Device, child: ChildLogin, secure: boolean): Promise<ChildResult>;
  /** The device that a login by its own secret names, without a session. */
  verify(gateway: Device, child: ChildLogin): Promise<ChildVerified>;
  register(gateway: Device, child: ChildName, secure: boolean): Promise<ChildResult>;
  /** `Contains` from the gateway to each sub-device. `full`: they are more than its profile allows, and none is added. */
  add(gateway: Device, children: readonly Device[]): Promise<'added' | 'full'>;
  remove(gateway: Device, child: ChildName): Promise<Device | undefined>;
  list(gateway: Device): Promise<readonly (ChildName & { readonly device: Device })[]>;
}

export interface ThingChildrenParts {
  readonly profiles: () => ProfileSet;
  readonly signedLogins: SignedLogins;
  readonly registration: ThingRegistration;
  readonly registry: Pick<Registry, 'device' | 'connectedThrough'>;
  readonly assets: AssetStore;
  readonly audit: AuditStore;
  readonly live: Pick<LiveCredentials, 'used'>;
  /** Takes the device's session from other instances; false when a newer login is there. */
  readonly claim: (device: Device) => Promise<boolean>;
  readonly clock: Clock;
}

const REFUSED: ChildResult = { kind: 'refused' };
const DISABLED: ChildResult = { kind: 'refused', reason: 'disabled' };
const CONTAINS = 'Contains';

export function createThingChildren(parts: ThingChildrenParts): ThingChildren {
  const { profiles, signedLogins, registration, registry, assets, audit, live, clock } = parts;

  /** The profile of a sub-device that this gateway may have. */
  const childProfile = (gateway: Device, productKey: string): DeviceProfile | undefined => {
    const profile = profiles().byProductKey(productKey);
    const allowed = profiles().byName(gateway.profile)?.thing?.children?.profiles ?? [];
    return profile?.thing && allowed.includes(profile.name) ? profile : undefined;
  };
  const refuse = async (gateway: Device, child: ChildName, outcome: string): Promise<ChildResult> => {
    const facts = { productKey: child.productKey.slice(0, 64), deviceKey: child.deviceKey.slice(0, 64) };
    const [by, subject] = [`gateway:${gateway.id}`, `device:${gateway.id}`];
    await audit.append({ at: clock.now(), action: 'device.child', by, subject, outcome, facts });
    return REFUSED;
  };
  const read = (gateway: Device, child: ChildLogin) => {
    const { productKey, deviceKey, clientId, timestamp, signMethod } = child;
    const profile = childProfile(gateway, productKey);
    const dialect = profile?.thing?.dialect ?? 'enos';
    const hash = signatureHash(dialect, signMethod);
    return {
      profile,
      content: loginContent(dialect, { clientId, device: deviceKey, productKey, timestamp }),
      key: { dialect, hash: hash ?? 'sha256' } as const,
      mayMatch: hash !== undefined && profile?.thing?.hashes.has(hash) === true && isDeviceKey(dialect, deviceKey),
    };
  };
  const verify = async (gateway: Device, child: ChildLogin): Promise<ChildVerified> => {
    const { mayMatch, content, key } = read(gateway, child);
    const match = await signedLogins.login(child, (secret) => {
      const right = isSignature(child.sign, content, { ...key, secret });
      return right && mayMatch;
    });
    if (match.kind === 'device') {
      live.used(match.device, match.credentials);
      return match.device;
    }
    await refuse(gateway, child, match.kind);
    return match.kind === 'disabled' ? match.kind : undefined;
  };
  const opened = async (gateway: Device, device: Device, deviceSecret?: string): Promise<ChildResult> => {
    const profile = profiles().byName(device.profile);
    if (!profile || device.id === gateway.id || !(await parts.claim(device))) return REFUSED;
    if (device.lastConnectedGateway !== gateway.id) await registry.connectedThrough(device.id, gateway.id);
    return { kind: 'device', device, profile, ...(deviceSecret === undefined ? {} : { deviceSecret }) };
  };
  const issue = async (
    gateway: Device,
    profile: DeviceProfile | undefined,
    child: ChildName & { readonly signed: boolean; readonly secure: boolean },
  ): Promise<ChildResult> => {
    const { deviceKey, signed, secure } = child;
    const request = { profile, deviceKey, signed, secure, wants: 'secret', address: `gateway:${gateway.id}` } as const;
    const result = await registration.register(request);
    if (result.kind !== 'issued' || !profile) return refuse(gateway, child, 'registration');
    return { kind: 'device', device: result.device, profile, deviceSecret: result.deviceSecret };
  };
  const relation = (gateway: Device, child: Device): Relation => ({
    from: { entityType: 'DEVICE', id: gateway.id },
    type: CONTAINS,
    to: { entityType: 'DEVICE', id: child.id },
  });

  return {
    async login(gateway, child, secure) {
      if (!child.byProduct) {
        const device = await verify(gateway, child);
        if (device === 'disabled') return DISABLED;
        return device ? opened(gateway, device) : REFUSED;
      }
      const { profile, mayMatch, content, key } = read(gateway, child);
      const right = isSignedByProduct({ signature: child.sign, content, key }, profile?.thing, clock.now());
      const issued = await issue(gateway, profile, { ...child, signed: right && mayMatch, secure });
      return issued.kind === 'refused' ? REFUSED : opened(gateway, issued.device, issued.deviceSecret);
    },
    verify,

    async register(gateway, child, secure) {
      const profile = childProfile(gateway, child.productKey);
      if (!profile) return refuse(gateway, child, 'profile');
      return issue(gateway, profile, { ...child, signed: true, secure });
    },

    async add(gateway, children) {
      const { max = 0 } = profiles().byName(gateway.profile)?.thing?.children ?? {};
      const present = await assets.relationsFrom({ entityType: 'DEVICE', id: gateway.id }, CONTAINS, max + 1);
      const known = new Set(present.map(({ to }) => to.id));
      const added = new Map(children.filter(({ id }) => !known.has(id)).map((child) => [child.id, child]));
      if (added.size > 0 && present.length + added.size > max) return 'full';
      for (const child of added.values()) await assets.setRelation(relation(gateway, child));
      return 'added';
    },

    async remove(gateway, child) {
      const device = await signedLogins.find(child);
      return device && (await assets.removeRelation(relation(gateway, device))) ? device : undefined;
    },

    async list(gateway) {
      const relations = await assets.relationsFrom({ entityType: 'DEVICE', id: gateway.id }, CONTAINS);
      const devices = await Promise.all(
        relations.map(({ to }) => (to.entityType === 'DEVICE' ? registry.device(to.id as Device['id']) : undefined)),
      );
      return devices.flatMap((device) => {
        const thing = device && profiles().byName(device.profile)?.thing;
        return thing ? [{ productKey: thing.productKey, deviceKey: deviceKeyOf(thing, device.name), device }] : [];
      });
    },
  };
}
