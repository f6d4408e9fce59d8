/**
 * What someone may do in the management API. Four are steps of a ladder: all; all but secrets; reading; reading the devices of
 * one supplier. The others are kinds of work, each with a closed list: registering devices; modelling and testing them; trees,
 * life-cycle and firmware; reading values, and calls to the devices of profiles that are granted.
 */
export const ROLES = [
  'administrator',
  'operator',
  'read-only',
  'supplier',
  'installer',
  'developer',
  'asset-manager',
  'app',
] as const;
export type Role = (typeof ROLES)[number];
export type WorkRole = Extract<Role, 'installer' | 'developer' | 'asset-manager' | 'app'>;
export type LadderRole = Exclude<Role, WorkRole>;

export const isWorkRole = (role: Role): role is WorkRole =>
  role === 'installer' || role === 'developer' || role === 'asset-manager' || role === 'app';

/** Whether the role reads what devices send. */
export const readsValues = (role: Role): boolean => role !== 'installer' && role !== 'asset-manager';
