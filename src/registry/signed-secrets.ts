import { randomBytes } from 'node:crypto';
import { isDeviceKey, type SigningDialect } from '../dialects/wire/dialect.ts';
import type { Credentials } from '../model/device.ts';

/** What the registry needs to know of the product that a profile's devices belong to. */
export interface SigningProduct {
  readonly dialect: SigningDialect;
  readonly productKey: string;
  readonly secretBytes: number;
  readonly naming: { readonly source: 'deviceKey' | 'productKey.deviceKey'; readonly pattern?: RegExp };
}

type SignedSecret = Extract<Credentials, { type: 'SIGNED_SECRET' }>;

/** Lower hex, for every client's buffer (registration-protocols 3.3.5). */
export const newDeviceSecret = ({ secretBytes }: SigningProduct): string => randomBytes(secretBytes).toString('hex');

/** The name of a product's device. */
export function nameOfDevice({ naming, productKey }: SigningProduct, deviceKey: string): string {
  return naming.source === 'deviceKey' ? deviceKey : `${productKey}.${deviceKey}`;
}

/** The key of a product's device, by its name. */
export function deviceKeyOf(product: SigningProduct, name: string): string {
  const prefix = nameOfDevice(product, '');
  return name.startsWith(prefix) ? name.slice(prefix.length) : name;
}

/** Why the key can be none of the product's, in words. */
export function deviceKeyProblem({ dialect, naming }: SigningProduct, deviceKey: string): string | undefined {
  if (!isDeviceKey(dialect, deviceKey)) {
    const form = dialect === 'enos' ? '1 to 64' : '4 to 32';
    return `the device key must be ${form} letters, digits or "-_.:@"`;
  }
  return naming.pattern?.test(deviceKey) === false ? "the device key does not match the profile's pattern" : undefined;
}

/** Credentials of a product's device, with what was not given; `problem` in words. */
export function completed(
  given: SignedSecret | undefined,
  product: SigningProduct,
  name: string,
): { readonly credentials: SignedSecret } | { readonly problem: string } {
  const productKey = given?.productKey || product.productKey;
  const deviceKey = given?.deviceKey || deviceKeyOf(product, name);
  const deviceSecret = given?.deviceSecret || newDeviceSecret(product);
  if (productKey !== product.productKey) return { problem: `the product of the profile is ${product.productKey}` };
  const problem = deviceKeyProblem(product, deviceKey);
  if (problem !== undefined) return { problem };
  return { credentials: { type: 'SIGNED_SECRET', productKey, deviceKey, deviceSecret } };
}
