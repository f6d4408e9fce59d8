// The interface that device-api and app already use (see their imports); load.ts and the rest complete the room.
export type { DeviceProfile, ProvisionSecret } from './device-profile.ts';
export { loadProfiles } from './load.ts';
export type { ProfileSet } from './profile-set.ts';
export type { TopicFilter } from './topic-filter.ts';
