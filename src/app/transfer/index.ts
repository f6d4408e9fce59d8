export { type Migrated, type MigrateOptions, migrate } from './migrate.ts';
export type { Place } from './place.ts';
