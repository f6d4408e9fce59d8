import type { Device } from '../model/device.ts';
import type { OtaPackageId } from '../model/ids.ts';
import { OTA_KINDS, type OtaChoice } from '../model/ota.ts';
import { json, optional } from '../schema/fields.ts';
import type { AdminDeps } from './deps.ts';
import { otaIdOf } from './ota.ts';
import { NO_CUSTOMER, toDevice } from './wire.ts';

type AnswerDeps = Pick<AdminDeps, 'storage' | 'ota'>;

const idOf = (id: OtaPackageId | undefined) => (id === undefined ? null : { entityType: 'OTA_PACKAGE', id });

/** A device as ThingsBoard shows it, with its customer and the packages it was given by name. */
export async function deviceAnswer(device: Device, { storage, ota }: AnswerDeps) {
  const customer = await storage.customers.customerOf(device.id);
  const { firmware, software } = await ota.assignments.ofDevice(device.id);
  return {
    ...toDevice(device),
    customerId: customer === undefined ? NO_CUSTOMER : { entityType: 'CUSTOMER', id: customer },
    firmwareId: idOf(firmware),
    softwareId: idOf(software),
  };
}

export const deviceAnswers = (devices: readonly Device[], deps: AnswerDeps) =>
  Promise.all(devices.map((device) => deviceAnswer(device, deps)));

const packageField = (what: string) =>
  optional(
    json<{ readonly id: string } | null>(`${what} package of its own; null takes it away, absent leaves it.`, {
      type: ['object', 'null'],
      required: ['id'],
      properties: { id: { type: 'string' } },
    }),
  );

/** Fields of a device's body. */
export const PACKAGE_FIELDS = { firmwareId: packageField('Firmware'), softwareId: packageField('Software') };

export type GivenPackages = Readonly<
  Partial<Record<keyof typeof PACKAGE_FIELDS, { readonly id: string } | null | undefined>>
>;

/**
 * Checks the packages that a body names for a device of this profile; gives what then assigns them. Throws NOT_FOUND,
 * BAD_REQUEST. What the device has already is not assigned again.
 */
export async function packagesOf(given: GivenPackages, profile: string, { ota: { assignments } }: AnswerDeps) {
  const wanted: { -readonly [K in keyof OtaChoice]: OtaPackageId | undefined } = {};
  for (const kind of OTA_KINDS) {
    const id = given[`${kind}Id`];
    if (id === undefined) continue;
    wanted[kind] = id === null ? undefined : otaIdOf(id.id, `${kind}Id`);
    await assignments.check(profile, kind, wanted[kind]);
  }
  return async (device: Device, by: string): Promise<void> => {
    const present = await assignments.ofDevice(device.id);
    for (const kind of OTA_KINDS) {
      if (!(kind in wanted) || wanted[kind] === present[kind]) continue;
      await assignments.assignDevice(device, kind, wanted[kind], by);
    }
  };
}
