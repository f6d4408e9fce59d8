/** What devices of a profile speak; a profile says it, it is never guessed. `native` is ThingsBoard's. */
export const DIALECTS = ['native', 'enos', 'alibaba'] as const;
export type Dialect = (typeof DIALECTS)[number];
/** Dialects whose devices sign with a secret of their own. */
export type SigningDialect = Exclude<Dialect, 'native'>;

/** Hashes that a signature may be made with, by their plain names. */
export const SIGNATURE_HASHES = ['sha256', 'sha1', 'md5'] as const;
export type SignatureHash = (typeof SIGNATURE_HASHES)[number];

const MAX_PRODUCT_KEY = { enos: 20, alibaba: 64 } as const satisfies Record<SigningDialect, number>;
/** Secrets longer than this do not fit the buffers of C clients. */
export const MAX_SECRET = 63;

const PRODUCT_KEY = /^[A-Za-z0-9_-]+$/;
/**
 * Texts are signed without separators: what could be read in two ways must not stand in them (registration-protocols 3.1).
 * `%` is left out, too: `%channel%` is no device.
 */
const DEVICE_NAMES = {
  enos: /^[A-Za-z0-9_.:@-]{1,64}$/,
  alibaba: /^[A-Za-z0-9_.:@-]{4,32}$/,
} as const satisfies Record<SigningDialect, RegExp>;

/** What is wrong with a product key, in words. */
export function productKeyProblem(dialect: SigningDialect, key: string): string | undefined {
  const longest = MAX_PRODUCT_KEY[dialect];
  if (key.length > longest) return `is longer than ${longest} characters`;
  return PRODUCT_KEY.test(key) ? undefined : 'may have letters, digits, "-" and "_" only';
}

/** Whether the text can be a deviceKey of EnOS, or a DeviceName of Alibaba. */
export const isDeviceKey = (dialect: SigningDialect, text: string): boolean => DEVICE_NAMES[dialect].test(text);
