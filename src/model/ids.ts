import { createHash, randomBytes } from 'node:crypto';

export type DeviceId = string & { readonly __brand: 'DeviceId' };
export type AssetId = string & { readonly __brand: 'AssetId' };
export type CustomerId = string & { readonly __brand: 'CustomerId' };
export type ApiKeyId = string & { readonly __brand: 'ApiKeyId' };
export type UserId = string & { readonly __brand: 'UserId' };
export type OtaPackageId = string & { readonly __brand: 'OtaPackageId' };

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

function uuidText(bytes: Buffer): string {
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** A fresh UUID version 7 (RFC 9562 5.7): sorts by time, so new records land side by side in the store. */
export function newUuid(nowMs: number): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(nowMs, 0, 6);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x70;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return uuidText(bytes);
}

export const newDeviceId = (nowMs: number): DeviceId => newUuid(nowMs) as DeviceId;
export const newAssetId = (nowMs: number): AssetId => newUuid(nowMs) as AssetId;
export const newApiKeyId = (nowMs: number): ApiKeyId => newUuid(nowMs) as ApiKeyId;
export const newCustomerId = (nowMs: number): CustomerId => newUuid(nowMs) as CustomerId;
export const newUserId = (nowMs: number): UserId => newUuid(nowMs) as UserId;
export const newOtaPackageId = (nowMs: number): OtaPackageId => newUuid(nowMs) as OtaPackageId;

/** Lower-case UUID text, or undefined when the text is not one. */
export function parseUuid(text: string): string | undefined {
  const lower = text.toLowerCase();
  return UUID.test(lower) ? lower : undefined;
}

export const parseDeviceId = (text: string): DeviceId | undefined => parseUuid(text) as DeviceId | undefined;
export const parseAssetId = (text: string): AssetId | undefined => parseUuid(text) as AssetId | undefined;
export const parseCustomerId = (text: string): CustomerId | undefined => parseUuid(text) as CustomerId | undefined;
export const parseUserId = (text: string): UserId | undefined => parseUuid(text) as UserId | undefined;
export const parseApiKeyId = (text: string): ApiKeyId | undefined => parseUuid(text) as ApiKeyId | undefined;
export const parseOtaPackageId = (text: string): OtaPackageId | undefined =>
  parseUuid(text) as OtaPackageId | undefined;

/** Namespaces of the ids below: UUIDs of our own. */
const PROFILES = Buffer.from('6b1f0c1e5d0a4c5f9d5e67726964706f', 'hex');
const CHAINS = Buffer.from('2f6e4a0d93b14d0c8a7767726964636e', 'hex');

/** The id of a device profile, which is a file and has none of its own: a UUID version 5 (RFC 9562 5.5) of its name. */
export const profileIdOf = (name: string): string => idOfName(PROFILES, name);

/** The same of a rule chain, where ThingsBoard asks for an id. */
export const chainIdOf = (name: string): string => idOfName(CHAINS, name);

function idOfName(namespace: Buffer, name: string): string {
  const bytes = createHash('sha1').update(namespace).update(name, 'utf8').digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x50;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return uuidText(bytes);
}
