import {
  createdEvent,
  createServiceApi,
  type DeviceApi,
  type MessageRunner,
  type RefusalPause,
  TENANT_ORIGINATOR,
} from '../device-api/index.ts';
import type { Clock } from '../model/clock.ts';
import type { KeyedHash } from '../model/keyed-hash.ts';
import type { Log } from '../observe/index.ts';
import type { ProfileSet } from '../profiles/index.ts';
import { createChallenges } from '../provisioning/challenges.ts';
import { createEnosApi } from '../provisioning/enos-api.ts';
import { createFunctionCompute } from '../provisioning/function-compute.ts';
import { createOnce } from '../provisioning/once.ts';
import { serviceCertificateOperations } from '../provisioning/service-certificates.ts';
import { serviceDeviceOperations } from '../provisioning/service-devices.ts';
import { createServiceGrants } from '../provisioning/service-grants.ts';
import { serviceQueryOperations } from '../provisioning/service-queries.ts';
import { createServiceTokens } from '../provisioning/service-tokens.ts';
import type { DeviceCertificates } from '../registry/certificates.ts';
import type { LifeCycle } from '../registry/life-cycle.ts';
import type { Registry } from '../registry/registry.ts';
import { createServiceAccounts } from '../registry/service-accounts.ts';
import { createFindSigned } from '../registry/signed-devices.ts';
import type { Storage } from '../storage/storage.ts';
import type { Cluster } from './cluster.ts';

export interface ServiceParts {
  readonly storage: Storage;
  readonly registry: Registry;
  readonly lifeCycle: LifeCycle;
  readonly certificates: DeviceCertificates;
  readonly profiles: () => ProfileSet;
  readonly deviceApi: Pick<
    DeviceApi,
    'saveAttributes' | 'endSession' | 'credentialsChanged' | 'isConnected' | 'registration' | 'things'
  >;
  readonly cluster: Cluster;
  readonly runner: Pick<MessageRunner, 'raise'>;
  readonly guessPause: RefusalPause;
  readonly hash: KeyedHash;
  readonly clock: Clock;
  readonly log: Log;
}

/** Apps that register devices: their accounts and their API. */
export function startServices(parts: ServiceParts) {
  const {
    storage,
    registry,
    lifeCycle,
    certificates,
    profiles,
    deviceApi,
    cluster,
    runner,
    guessPause,
    hash,
    clock,
    log,
  } = parts;
  const { documents, attributes, audit, registry: store } = storage;
  const accounts = createServiceAccounts({ documents, audit, hash, clock });
  const find = createFindSigned({ store, hash });
  const once = createOnce(documents, clock);
  const grants = createServiceGrants({ store, find, attributes, profiles });
  const tokens = createServiceTokens({ accounts, documents, once, hash, clock });
  const writes = serviceDeviceOperations({
    registry,
    life: lifeCycle,
    grants,
    saveAttributes: (id, values) => deviceApi.saveAttributes(id, 'SERVER_SCOPE', values),
    onCreated: (device) => runner.raise(createdEvent(device)),
    onQuota: ({ productKey, deviceKey, profile, address }) =>
      runner.raise({
        type: 'QUOTA_EXCEEDED',
        originator: TENANT_ORIGINATOR,
        data: { productKey, serial: deviceKey, address, reason: 'quota-reached' },
        metadata: { deviceName: deviceKey, deviceType: profile },
      }),
    onEnabled: (device) => deviceApi.things.enabled(device),
    onEnded: (id, why) => deviceApi.endSession(id, why),
  });
  const isOnline = async (id: Parameters<DeviceApi['isConnected']>[0]): Promise<boolean> =>
    deviceApi.isConnected(id) || (cluster.sessions.shared && (await cluster.sessions.owner(id)) !== undefined);
  const reads = serviceQueryOperations({ registry, grants, attributes, isOnline, hash });
  const signed = serviceCertificateOperations({
    grants,
    certificates,
    onRevoked: (id) => deviceApi.credentialsChanged(id),
  });
  const registerByFunction = createFunctionCompute({
    registration: deviceApi.registration,
    find,
    profiles,
    once,
    challenges: createChallenges(hash, clock),
    audit,
    hash,
    clock,
  });
  const enos = createEnosApi({ tokens, devices: { ...writes, ...reads }, certificates: signed });
  return { serviceAccounts: accounts, serviceApi: createServiceApi({ enos, registerByFunction, guessPause, log }) };
}
