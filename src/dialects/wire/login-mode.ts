import type { SigningDialect } from './dialect.ts';
import type { SignedNames } from './login-names.ts';

/** The user name of EnOS' integration channel, in the place of a device key. */
export const CHANNEL = '%channel%';

/** What a signed CONNECT signs with, and what it wants. */
export type LoginMode =
  /** The secret of the device: it is let in. */
  | 'device-secret'
  /** The secret of the product: it gets the device's, or a token for one of its clients. */
  | 'product-secret'
  | 'product-token'
  /** Such a token. */
  | 'client-token'
  /** The secret of the product: it publishes for all its devices. */
  | 'channel'
  | 'unknown';

/** registration-protocols 1.1, 1.8, 1.9. `securemode=3` means one thing to EnOS and another to Alibaba. */
export function loginMode(dialect: SigningDialect, { device, productKey, clientId }: SignedNames): LoginMode {
  const { name, parameters } = clientId;
  const mode = parameters.get('securemode') ?? '2';
  if (dialect === 'enos') {
    if (device === CHANNEL) return mode === '4' && name === productKey ? 'channel' : 'unknown';
    return mode === '2' ? 'device-secret' : mode === '3' ? 'product-secret' : 'unknown';
  }
  switch (parameters.get('authType')) {
    case 'register':
      return 'product-secret';
    case 'regnwl':
      return 'product-token';
    case 'connwl':
      return 'client-token';
    case undefined:
      return mode === '2' || mode === '3' ? 'device-secret' : 'unknown';
    default:
      return 'unknown';
  }
}
