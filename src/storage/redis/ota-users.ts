import type { OtaPackageId } from '../../model/ids.ts';
import type { OtaChoice, OtaKind } from '../../model/ota.ts';
import type { Commits, Draft } from './commit.ts';
import { KEYS } from './keys.ts';

/** What a device record holds. */
export interface DeviceChoices {
  readonly assigned: OtaChoice;
  readonly announced: OtaChoice;
}

export const NONE: DeviceChoices = { assigned: {}, announced: {} };

export const deviceUser = (id: string): string => `d${id}`;
export const profileUser = (name: string): string => `p${name}`;

export const choicesIn = async (draft: Draft, deviceId: string): Promise<DeviceChoices> =>
  (await draft.record<DeviceChoices>(KEYS.otaDevices, deviceId)) ?? NONE;

export function putChoices(draft: Draft, deviceId: string, next: DeviceChoices): void {
  const empty = Object.keys(next.assigned).length === 0 && Object.keys(next.announced).length === 0;
  if (empty) draft.write('hdel', KEYS.otaDevices, deviceId);
  else draft.write('hset', KEYS.otaDevices, deviceId, JSON.stringify(next));
}

/** A copy in which `kind` is this package, or none. */
export function withChoice(choice: OtaChoice, kind: OtaKind, id: OtaPackageId | undefined): OtaChoice {
  const { [kind]: _, ...rest } = choice;
  return id === undefined ? rest : { ...rest, [kind]: id };
}

/** Keeps the index of who uses a package in step with a changed choice. */
export function moveUser(draft: Draft, user: string, before?: OtaPackageId, after?: OtaPackageId): void {
  if (before !== undefined) draft.write('zrem', KEYS.otaUsers, `${before}\0${user}`);
  if (after !== undefined) draft.write('zadd', KEYS.otaUsers, 0, `${after}\0${user}`);
}

/** What a device has that has been deleted. */
export async function forgetOtaOf(commits: Commits, deviceId: string): Promise<void> {
  await commits.step('ota', async (draft) => {
    const { assigned, announced } = await choicesIn(draft, deviceId);
    if (Object.keys(assigned).length + Object.keys(announced).length === 0) return;
    for (const id of Object.values(assigned)) moveUser(draft, deviceUser(deviceId), id);
    draft.write('hdel', KEYS.otaDevices, deviceId);
  });
}
