export { configDocs, configSchema } from './config-schema.ts';
export { CONFIG_FLAGS, type ConfigFlag, type GivenFlags } from './flags.ts';
export { type ConfigInput, type LoadedConfig, loadConfig } from './load.ts';
export { redisSettings } from './redis-target.ts';
export type { Config, Source, Sources } from './settings.ts';
export { redactConfig, type ShownSetting } from './show.ts';
