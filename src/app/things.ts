import { createDeviceConfigs, type RestRequests, type Rpc } from '../device-api/index.ts';
import type { Clock } from '../model/clock.ts';
import { newDeviceId } from '../model/ids.ts';
import type { KeyedHash } from '../model/keyed-hash.ts';
import { type AskHook, createAdmission } from '../provisioning/admission.ts';
import { createDynamicRegistration } from '../provisioning/dynamic-registration.ts';
import { createOnce } from '../provisioning/once.ts';
import { createProvisioning } from '../provisioning/provisioning.ts';
import type { DeviceCertificates } from '../registry/certificates.ts';
import type { Registry } from '../registry/registry.ts';
import type { SerialLists } from '../registry/serial-lists.ts';
import { createSignedLogins } from '../registry/signed-logins.ts';
import type { Storage } from '../storage/storage.ts';
import type { Definitions } from './definitions.ts';

export interface ThingParts {
  readonly storage: Storage;
  readonly registry: Registry;
  readonly hash: KeyedHash;
  readonly clock: Clock;
  readonly certificates: DeviceCertificates;
  readonly serialLists: SerialLists;
  /** Chains that decide are asked there. */
  readonly rest: Pick<RestRequests, 'push'>;
  readonly rpc: Rpc;
  readonly live: { readonly current: Definitions };
}

/** What new devices, and devices of signing dialects, get in by. */
export function startThings({
  storage,
  registry,
  certificates,
  hash,
  clock,
  serialLists,
  rest,
  rpc,
  live,
}: ThingParts) {
  const { registry: store, audit, customers, attributes } = storage;
  const askHook = askChains({ rest, live, clock });
  const profiles = () => live.current.profiles;
  const admit = createAdmission({ serials: serialLists, askHook, profiles, clock });
  const parts = { registry, certificates, store, audit, hash, clock, admit, customers, attributes };
  const once = createOnce(storage.documents, clock);
  const profile = (name: string) => profiles().byName(name);
  return {
    audit,
    configs: createDeviceConfigs({ documents: storage.documents, rpc, audit, hash, profile, clock }),
    provisioning: createProvisioning({ ...parts, once, targets: () => live.current.targets }),
    signedLogins: createSignedLogins(parts),
    registration: createDynamicRegistration(parts),
  };
}

/** Each request is a message of its own device to be: requests do not wait for each other. */
function askChains({ rest, live, clock }: Pick<ThingParts, 'rest' | 'live' | 'clock'>): AskHook {
  return async ({ chain, timeoutMs }, { profile, serial = '', address, claims }) => {
    const node = live.current.generation.chains.get(chain)?.first?.name;
    if (node === undefined) return undefined;
    const id = newDeviceId(clock.now());
    const outcome = await rest.push({
      originator: { entityType: 'DEVICE', id, name: serial, profile },
      data: { ...claims, serial, profile, address },
      timeoutMs,
      entry: { type: 'PROVISION_REQUEST', at: { chain, node } },
    });
    return outcome.kind === 'answered' ? outcome.body : undefined;
  };
}
