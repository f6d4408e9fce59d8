import type { OtaKind } from '../../model/ota.ts';
import { CODES } from './codec.ts';
import type { CoapRequest } from './request.ts';

/** What a request is for (thingsboard-device-api 6.2, 2.8). */
export type Route =
  | { readonly kind: 'provision' }
  | { readonly kind: 'challenge' }
  | {
      readonly kind: 'telemetry' | 'post-attributes' | 'claim' | 'get-attributes' | 'calls' | 'call';
      readonly token: string;
    }
  | { readonly kind: 'call-answer'; readonly token: string; readonly id: number }
  | { readonly kind: OtaKind; readonly token: string }
  /** A path that is not offered, or not for this method. */
  | { readonly kind: 'none'; readonly code: number };

const BY_METHOD = {
  telemetry: { post: 'telemetry' },
  attributes: { post: 'post-attributes', get: 'get-attributes' },
  claim: { post: 'claim' },
  rpc: { post: 'call', get: 'calls' },
} as const;
const PACKAGES = { fw: 'firmware', sw: 'software' } as const satisfies Record<string, OtaKind>;

const isResource = (name: string): name is keyof typeof BY_METHOD => Object.hasOwn(BY_METHOD, name);
const isPackage = (name: string): name is keyof typeof PACKAGES => Object.hasOwn(PACKAGES, name);
const none = (code: number): Route => ({ kind: 'none', code });

export function readRoute({ code, path }: Pick<CoapRequest, 'code' | 'path'>): Route {
  const [first = '', second, third = '', fourth, fifth] = path;
  if (isPackage(first) && path.length <= 2) {
    return code === CODES.get ? { kind: PACKAGES[first], token: second ?? '' } : none(CODES.methodNotAllowed);
  }
  if (first !== 'api' || second !== 'v1') return none(CODES.notFound);
  if (path.length === 3 && third === 'provision') {
    return code === CODES.post ? { kind: 'provision' } : none(CODES.methodNotAllowed);
  }
  if (path.length === 4 && third === 'provision' && fourth === 'challenge') {
    return code === CODES.get ? { kind: 'challenge' } : none(CODES.methodNotAllowed);
  }
  // The token left out: the login then refuses the empty one, as it does a wrong one.
  if (path.length === 3 && isResource(third)) return { kind: 'telemetry', token: '' };
  if (fourth === undefined || !isResource(fourth)) return none(CODES.notFound);
  if (path.length === 5 && fourth === 'rpc') {
    if (code !== CODES.post) return none(CODES.methodNotAllowed);
    const id = /^\d{1,10}$/.test(fifth ?? '') ? Number(fifth) : undefined;
    return id === undefined ? none(CODES.badRequest) : { kind: 'call-answer', token: third, id };
  }
  if (path.length !== 4) return none(CODES.notFound);
  const methods: {
    readonly get?: 'get-attributes' | 'calls';
    readonly post?: 'telemetry' | 'post-attributes' | 'claim' | 'call';
  } = BY_METHOD[fourth];
  const kind = code === CODES.get ? methods.get : code === CODES.post ? methods.post : undefined;
  return kind ? { kind, token: third } : none(CODES.methodNotAllowed);
}
