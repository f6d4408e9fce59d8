import type { Device } from '../model/device.ts';
import type { DeviceProfile } from '../profiles/index.ts';

export interface Login {
  readonly clientId: string;
  readonly userName: string;
  readonly password: string;
  /** The peer's own certificate, whose key it has proved to hold; user name and password then play no part. */
  readonly certificate?: ClientCertificate;
  /** Peer address, for limits and audit. */
  readonly address: string;
  /** Whether nobody on the way can listen: TLS here, or before a load balancer that says so. */
  readonly secure: boolean;
  /** Called when it is refused, before its answer is held back for guessing too often. */
  readonly decided?: () => void;
}

export interface ClientCertificate {
  /** Base64 DER. */
  readonly der: string;
  /** Validity, ms since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** Base64 DER of what the peer sent along, nearest issuer first, unchecked; asked only for an unknown certificate. */
  readonly issuers: () => readonly string[];
}

/** Why a login is refused; each front has its own codes (thingsboard-device-api 1.4). `hang-up`: no answer at all. */
export type LoginRefusal =
  | 'rate-limited'
  | 'bad-credentials'
  | 'bad-client-id'
  | 'not-authorized'
  | 'unavailable'
  | 'hang-up';

/** A login of EnOS over HTTP (registration-protocols 1.4); all texts as they came. */
export interface HttpLogin {
  readonly productKey: string;
  readonly deviceKey: string;
  /** ms */
  readonly lifetime: string;
  readonly signMethod: string;
  readonly sign: string;
}

/** A device of a signing dialect as it named itself at its login. */
export interface ThingIdentity {
  readonly productKey: string;
  /** Alibaba's DeviceName, too. */
  readonly deviceKey: string;
  /** `C` of its client id, with what stands in braces. */
  readonly clientName: string;
  /** `_ss=1` of Alibaba's clients: all topics of the device count as subscribed. */
  readonly subscribesAll: boolean;
  /** As in `Login`. */
  readonly secure: boolean;
}

export type LoginResult =
  | { readonly kind: 'provision' }
  | {
      readonly kind: 'device';
      readonly device: Device;
      readonly profile: DeviceProfile;
      /** Present when it signed its login: it then speaks the dialect of its profile. */
      readonly thing?: ThingIdentity;
    }
  /** Signed with the product's secret: the session gets this one message at once, and nothing else. */
  | { readonly kind: 'issued'; readonly push: { readonly topic: string; readonly text: string } }
  /** The integration channel of a product (registration-protocols 1.1, securemode 4). */
  | { readonly kind: 'channel'; readonly profile: DeviceProfile; readonly productKey: string }
  /** `returnCode`: what MQTT 3.1.1 is told instead of the usual code. */
  | { readonly kind: 'refused'; readonly reason: LoginRefusal; readonly returnCode?: 2 | 3 | 4 | 5 };
