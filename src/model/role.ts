/** What someone may do in the management API: all; all but secrets; reading; reading the devices of one supplier. */
export const ROLES = ['administrator', 'operator', 'read-only', 'supplier'] as const;
export type Role = (typeof ROLES)[number];
