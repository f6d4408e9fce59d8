import { createHash, createHmac } from 'node:crypto';

export const TBP1_METHOD = 'TBP1-HMAC-SHA256';

/** What a request of signed provisioning signs; `claims` is JSON as a text, so that its bytes are what is signed. */
export interface Tbp1Request {
  readonly provisionDeviceKey: string;
  readonly deviceName: string;
  readonly timestamp: string;
  readonly nonce: string;
  readonly claims: string;
}

/** Six lines without a last line end; undefined when a field could be read as two (registration-protocols 1.12). */
export function tbp1Content(request: Tbp1Request): string | undefined {
  const { provisionDeviceKey, deviceName, timestamp, nonce, claims } = request;
  const fields = [provisionDeviceKey, deviceName, timestamp, nonce];
  if (fields.some((field) => /\p{Cc}/u.test(field))) return undefined;
  return ['TBP1', ...fields, createHash('sha256').update(claims, 'utf8').digest('hex')].join('\n');
}

/** @param key the product's secret, or the device's derived key. */
export function tbp1Signature(content: string, key: string | Uint8Array): Buffer {
  return createHmac('sha256', key).update(content, 'utf8').digest();
}

/** The key that the factory puts on one device instead of the product's secret. */
export function tbp1DeviceKey(productSecret: string, deviceName: string): Buffer {
  return createHmac('sha256', productSecret).update(`TBP1-device\n${deviceName}`, 'utf8').digest();
}

/** A device's key of an enrolment group of Azure DPS, base64; `groupKey` is base64, too. */
export function groupDeviceKey(groupKey: string, registrationId: string): string {
  return createHmac('sha256', Buffer.from(groupKey, 'base64')).update(registrationId, 'utf8').digest('base64');
}
