import type { DeviceProfile } from '../../device-api/index.ts';
import type { ChunkRequest } from './ota-session.ts';
import { type RpcPublish, readRpcTopic } from './rpc-topics.ts';

/** What a publish of a device asks for. `id` is the requester's, decimal text. */
export type Uplink =
  | { readonly kind: 'telemetry' }
  | { readonly kind: 'attributes' }
  | { readonly kind: 'claim' }
  | { readonly kind: 'attribute-request'; readonly id: string; readonly answerTopic: string }
  | { readonly kind: 'certificate-request'; readonly answerTopic: string }
  | ({ readonly kind: 'ota' } & ChunkRequest)
  | RpcPublish;

export const PROVISION_RESPONSE = '/provision/response';
/** The canonical topic, and the alias of the customer's documents (thingsboard-device-api 2.1). */
export const PROVISION_REQUESTS: ReadonlySet<string> = new Set(['/provision/request', '/provision']);

/** Asks for a challenge to sign, on the same response topic (registration-protocols 1.12). */
export const PROVISION_CHALLENGE = '/provision/challenge';

export const TELEMETRY = 'v1/devices/me/telemetry';
export const ATTRIBUTES = 'v1/devices/me/attributes';
const CLAIM = 'v1/devices/me/claim';
const ATTRIBUTE_REQUEST = 'v1/devices/me/attributes/request/';
const ATTRIBUTE_RESPONSE = 'v1/devices/me/attributes/response/';

const CERTIFICATE_REQUEST = 'v1/devices/me/certificate/request/';
const CERTIFICATE_RESPONSE = 'v1/devices/me/certificate/response/';

const TELEMETRY_SENT: Uplink = { kind: 'telemetry' };
const ATTRIBUTES_SENT: Uplink = { kind: 'attributes' };

const SHORT_TELEMETRY: ReadonlySet<string> = new Set(['v2/t', 'v2/t/j', 'v2/t/p']);
const SHORT_ATTRIBUTES: ReadonlySet<string> = new Set(['v2/a', 'v2/a/j', 'v2/a/p']);
const SHORT_REQUEST = /^v2\/a\/req\/(?:([jp])\/)?(-?\d{1,10})$/;
const CHUNK_REQUEST = /^v2\/(fw|sw)\/request\/(\d{1,10})\/chunk\/(\d{1,10})$/;
const REQUEST_ID = /^-?\d{1,10}$/;

/**
 * Reads a device's topic. Order of thingsboard-device-api 5.1: attributes filter, telemetry filter, requests, short topics.
 * A custom filter of the profile replaces the standard topic. `malformed`: the topic is known, its id is no number.
 */
export function readTopic(topic: string, profile: DeviceProfile): Uplink | 'malformed' | undefined {
  if (profile.topics.attributes?.matches(topic) ?? topic === ATTRIBUTES) return ATTRIBUTES_SENT;
  if (profile.topics.telemetry?.matches(topic) ?? topic === TELEMETRY) return TELEMETRY_SENT;
  if (topic === CLAIM) return { kind: 'claim' };
  if (topic.startsWith(ATTRIBUTE_REQUEST)) {
    const id = topic.slice(ATTRIBUTE_REQUEST.length);
    return REQUEST_ID.test(id) ? { kind: 'attribute-request', id, answerTopic: ATTRIBUTE_RESPONSE + id } : 'malformed';
  }
  if (topic.startsWith(CERTIFICATE_REQUEST)) {
    const id = topic.slice(CERTIFICATE_REQUEST.length);
    return /^\d{1,10}$/.test(id)
      ? { kind: 'certificate-request', answerTopic: CERTIFICATE_RESPONSE + id }
      : 'malformed';
  }
  const rpc = readRpcTopic(topic);
  if (rpc) return rpc;
  if (SHORT_TELEMETRY.has(topic)) return TELEMETRY_SENT;
  if (SHORT_ATTRIBUTES.has(topic)) return ATTRIBUTES_SENT;
  const short = SHORT_REQUEST.exec(topic);
  if (short) {
    const [, form, id = ''] = short;
    return { kind: 'attribute-request', id, answerTopic: `v2/a/res/${form ? `${form}/` : ''}${id}` };
  }
  const ota = CHUNK_REQUEST.exec(topic);
  if (ota) {
    const [, prefix, id = '', chunk = ''] = ota;
    const answerTopic = `v2/${prefix}/response/${id}/chunk/${chunk}`;
    return { kind: 'ota', package: prefix === 'fw' ? 'firmware' : 'software', id, chunk: Number(chunk), answerTopic };
  }
  return undefined;
}

/** The complete list of thingsboard-device-api 3.1, without the gateway's, and certificates. */
const SUBSCRIBABLE: ReadonlySet<string> = new Set([
  ATTRIBUTES,
  'v2/a',
  'v2/a/j',
  'v2/a/p',
  `${ATTRIBUTE_RESPONSE}+`,
  `${CERTIFICATE_RESPONSE}+`,
  'v2/a/res/+',
  'v2/a/res/j/+',
  'v2/a/res/p/+',
  'v1/devices/me/rpc/request/+',
  'v2/r/req/+',
  'v2/r/req/j/+',
  'v2/r/req/p/+',
  'v1/devices/me/rpc/response/+',
  'v2/r/res/+',
  'v2/r/res/j/+',
  'v2/r/res/p/+',
  'v2/fw/response/+/chunk/+',
  'v2/fw/error',
  'v2/sw/response/+/chunk/+',
  'v2/sw/error',
]);

const ATTRIBUTE_UPDATES: ReadonlySet<string> = new Set([ATTRIBUTES, 'v2/a', 'v2/a/j', 'v2/a/p']);

/**
 * Whether a device may have this filter, and the topic on which shared-attribute updates then come. Only the literal
 * filters are granted, and those of which every topic is matched by the profile's own subscribe filter (5.1).
 */
export function readFilter(
  filter: string,
  profile: DeviceProfile,
): { readonly granted: boolean; readonly updatesTopic?: string } {
  if (SUBSCRIBABLE.has(filter)) {
    return ATTRIBUTE_UPDATES.has(filter) ? { granted: true, updatesTopic: filter } : { granted: true };
  }
  const own = profile.topics.attributesSubscribe;
  if (own && (own.text === filter || covers(own, filter))) return { granted: true, updatesTopic: ATTRIBUTES };
  return { granted: false };
}

type OwnFilter = NonNullable<DeviceProfile['topics']['attributesSubscribe']>;

/** `a/#` is `a` and all below: only an open filter that matches `a` has all of it. */
function covers(own: OwnFilter, filter: string): boolean {
  if (!filter.endsWith('#')) return own.matches(filter);
  return own.text.endsWith('#') && own.matches(filter.slice(0, -2));
}
