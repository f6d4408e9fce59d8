export type { CertificateChain, DeviceProfile, ProvisionSecret } from './device-profile.ts';
export { type LoadedProfiles, type LoadOptions, loadProfiles } from './load.ts';
export { profileSchema } from './profile-schema.ts';
export type { ProfileSet } from './profile-set.ts';
export type { ProtobufPayloads } from './protobuf.ts';
export { type PayloadSchemas, readProfileSchemas } from './schemas.ts';
export type { TopicFilter } from './topic-filter.ts';
