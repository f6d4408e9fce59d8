import type { Credentials, Device } from '../model/device.ts';

/** How one strategy ended. `reason` is for log and audit; the device hears FAILURE and no more. */
export type StrategyResult =
  | {
      readonly kind: 'success';
      readonly device: Device;
      readonly credentials: Credentials;
      readonly how: 'created' | 'claimed' | 'returned' | 'rotated';
    }
  | { readonly kind: 'failure'; readonly reason: string; readonly device?: Device };
