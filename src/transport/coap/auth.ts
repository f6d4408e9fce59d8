import type { Device, DeviceApi, DeviceProfile } from '../../device-api/index.ts';
import { type Answer, plain } from './answer.ts';
import { CODES } from './codec.ts';
import type { Peer } from './request.ts';
import { refusalOf } from './wire-errors.ts';

export type Known =
  | { readonly kind: 'device'; readonly device: Device; readonly profile: DeviceProfile; readonly token: string }
  /** Without an answer the peer hears nothing. */
  | { readonly kind: 'refused'; readonly answer: Answer | undefined };

/** The device of an access token; its profile must be one for CoAP (thingsboard-device-api 6.2). */
export async function deviceOf(api: DeviceApi, token: string, peer: Peer): Promise<Known> {
  const login = await api.loginByToken(token, peer.address);
  if (login.kind === 'refused') return { kind: 'refused', answer: refusalOf(login.reason) };
  if (login.kind !== 'device') return { kind: 'refused', answer: plain(CODES.unauthorized) };
  const { device, profile } = login;
  // Here nothing is encrypted: a DTLS proxy in front has no way to say so.
  if (profile.listeners?.requireTls) return { kind: 'refused', answer: plain(CODES.unauthorized) };
  if (profile.transport === 'mqtt') {
    return { kind: 'refused', answer: plain(CODES.internalError, 'the device profile is for MQTT only') };
  }
  return { kind: 'device', device, profile, token };
}
