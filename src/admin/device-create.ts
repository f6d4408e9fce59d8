import { createdEvent } from '../device-api/index.ts';
import { BrokerError } from '../errors.ts';
import type { Credentials, Device } from '../model/device.ts';
import type { JsonObject } from '../model/json.ts';
import type { AdminDeps } from './deps.ts';

export interface WantedDevice {
  readonly name: string;
  readonly profile: string;
  /** What the request calls the profile. */
  readonly profileField: string;
  readonly label?: string;
  readonly gateway?: boolean;
  readonly info?: JsonObject;
  readonly credentials?: Credentials;
  readonly keepSealed?: boolean;
  readonly by: string;
}

/** Throws PROFILE_NOT_FOUND, NAME_TAKEN, CREDENTIALS_TAKEN, RATE_LIMITED, and what the registry throws. */
export async function createDevice(
  { profileField, ...wanted }: WantedDevice,
  { registry, profiles, raise }: Pick<AdminDeps, 'registry' | 'profiles' | 'raise'>,
): Promise<{ readonly device: Device; readonly credentials: Credentials }> {
  if (!profiles().byName(wanted.profile)) throw new BrokerError('PROFILE_NOT_FOUND', { field: profileField });
  const result = await registry.create(wanted);
  switch (result.kind) {
    case 'created':
      raise(createdEvent(result.device));
      return result;
    case 'name-taken':
      throw new BrokerError('NAME_TAKEN', { field: 'name' });
    case 'credentials-taken':
      throw new BrokerError('CREDENTIALS_TAKEN', { field: 'credentials' });
    case 'quota-reached':
      throw new BrokerError('RATE_LIMITED', { field: profileField, detail: 'the quota of the profile is reached' });
  }
}
