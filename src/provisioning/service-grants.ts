import type { Device } from '../model/device.ts';
import { parseDeviceId } from '../model/ids.ts';
import type { DeviceProfile, ProfileSet, ThingProfile } from '../profiles/index.ts';
import type { SignedId } from '../registry/credentials.ts';
import type { ServiceAccount, ServiceOperation } from '../registry/service-account-record.ts';
import type { FindSigned, SignedDevice } from '../registry/signed-devices.ts';
import type { AttributeStore } from '../storage/attribute-store.ts';
import type { RegistryStore } from '../storage/registry-store.ts';
import { NOT_PERMITTED, type Refused, refused, type ServiceCall, WrongArgument } from './service-call.ts';

/** A product of EnOS that an account may work on. */
export interface GrantedProduct {
  readonly profile: DeviceProfile;
  readonly thing: ThingProfile;
}

export interface GrantedDevice extends GrantedProduct, SignedDevice {}

/** Server attribute of a device: the access key of the account that created it. */
export const CREATED_BY = 'serviceAccount';

/** What accounts may do to which devices (registration-protocols 3.3.6). */
export interface ServiceGrants {
  /** Undefined also for a product that is not there. */
  product(call: ServiceCall, operation: ServiceOperation, productKey: string): GrantedProduct | undefined;
  /**
   * The device that the query names by assetId, or by productKey and deviceKey.
   * @param own an operation that is enough for devices that the account has created.
   */
  device(
    call: ServiceCall,
    operation: ServiceOperation,
    own?: ServiceOperation,
  ): Promise<({ readonly kind: 'granted' } & GrantedDevice) | Refused>;
}

export interface ServiceGrantParts {
  readonly store: Pick<RegistryStore, 'credentialsOf'>;
  readonly find: FindSigned;
  readonly attributes: Pick<AttributeStore, 'read'>;
  readonly profiles: () => ProfileSet;
}

export function createServiceGrants({ store, find, attributes, profiles }: ServiceGrantParts): ServiceGrants {
  const product: ServiceGrants['product'] = ({ account, query }, operation, productKey) => {
    const profile = profiles().byProductKey(productKey);
    if (!profile?.thing || !mayUse(account, profile, operation)) return undefined;
    return query.get('orgId') === profile.thing.orgId ? { profile, thing: profile.thing } : undefined;
  };

  const createdBy = async ({ id }: Device, { accessKey }: ServiceAccount): Promise<boolean> => {
    const found = await attributes.read(id, 'SERVER_SCOPE', [CREATED_BY]);
    return found.get(CREATED_BY)?.value === accessKey;
  };

  return {
    product,

    async device(call, operation, own) {
      const id = await signedIdOf(call, store);
      const all = product(call, operation, id.productKey);
      const granted = all ?? (own && product(call, own, id.productKey));
      if (!granted) return NOT_PERMITTED;
      const found = await find(id);
      if (!found) return refused('notFound', 'there is no such device');
      if (!all && !(await createdBy(found.device, call.account))) return NOT_PERMITTED;
      return { kind: 'granted', ...granted, ...found };
    },
  };
}

function mayUse(account: ServiceAccount, { name, thing }: DeviceProfile, operation: ServiceOperation): boolean {
  const named = thing?.dialect === 'enos' && thing.serviceAccounts.includes(account.name);
  return named && (account.profiles?.includes(name) ?? true) && account.operations.includes(operation);
}

/** What no product has when the assetId is nobody's: that looks like a device of somebody else. */
async function signedIdOf({ query }: ServiceCall, store: ServiceGrantParts['store']): Promise<SignedId> {
  const assetId = query.get('assetId') ?? '';
  if (assetId === '') {
    const [productKey = '', deviceKey = ''] = [query.get('productKey'), query.get('deviceKey')];
    if (productKey !== '' && deviceKey !== '') return { productKey, deviceKey };
    throw new WrongArgument('assetId', 'is missing: name the device by it, or by productKey and deviceKey');
  }
  const id = parseDeviceId(assetId);
  const stored = id && (await store.credentialsOf(id));
  return stored?.signing ?? { productKey: '', deviceKey: '' };
}
