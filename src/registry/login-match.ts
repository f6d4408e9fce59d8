import type { Device } from '../model/device.ts';

/** Whose credentials a login has shown. */
export type LoginMatch =
  /** `credentials`: the index of those that matched. */
  | { readonly kind: 'device'; readonly device: Device; readonly credentials: string }
  | { readonly kind: 'wrong-password' | 'expired' }
  /** Right credentials of a device that is disabled or retired. */
  | { readonly kind: 'disabled'; readonly device: Device }
  | { readonly kind: 'unknown' };
