import type { DeviceProfile } from './device-profile.ts';

/** All profiles that are in force together. */
export interface ProfileSet {
  byName(name: string): DeviceProfile | undefined;
  all(): readonly DeviceProfile[];
}
