import { isDeviceKey } from '../dialects/wire/dialect.ts';
import { formatCodeFirst } from '../dialects/wire/envelope.ts';
import { issuedAnswer } from '../dialects/wire/issued.ts';
import { registrationContent, signatureHash } from '../dialects/wire/signature.ts';
import type { Clock } from '../model/clock.ts';
import type { Device } from '../model/device.ts';
import type { ProfileSet } from '../profiles/index.ts';
import type {
  DynamicRegistration,
  Registered,
  RegistrationRefusal,
  RegistrationRequest,
} from '../provisioning/dynamic-registration.ts';
import { isSignedByProduct } from '../provisioning/product-secret.ts';
import { deviceOriginator, type EntityEvent, TENANT_ORIGINATOR } from './entity-makers.ts';
import { eventOf } from './provision-requests.ts';

/** A form of Alibaba's registration over HTTPS (registration-protocols 1.7). */
export interface RegistrationForm {
  readonly productKey: string;
  readonly deviceName: string;
  readonly random: string;
  readonly sign: string;
  readonly signMethod: string;
}

export interface RegistrationAnswer {
  readonly code: 200 | 401;
  /** Compact JSON, `code` first. */
  readonly text: string;
}

/** Registration of devices with their product's secret, with what chains and counters hear of it. */
export interface ThingRegistration {
  register(request: RegistrationRequest): Promise<Registered>;
  registerByForm(form: RegistrationForm, peer: { address: string; secure: boolean }): Promise<RegistrationAnswer>;
}

export interface ThingRegistrationParts {
  readonly registration: DynamicRegistration;
  readonly profiles: () => ProfileSet;
  readonly clock: Clock;
  readonly raise: (event: EntityEvent) => void;
  /** A device has got a secret or a token. */
  readonly onIssued: (device: Device, created: boolean) => void;
  readonly onRefused: (reason: RegistrationRefusal) => void;
}

const REFUSED: RegistrationAnswer = { code: 401, text: formatCodeFirst(401, undefined, 'authentication failed') };

export function createThingRegistration(parts: ThingRegistrationParts): ThingRegistration {
  const { registration, profiles, clock } = parts;
  const register = async (request: RegistrationRequest): Promise<Registered> => {
    const result = await registration.register(request);
    if (result.kind !== 'refused') parts.onIssued(result.device, result.created);
    else {
      parts.onRefused(result.reason);
      // Who does not know the product's secret makes no messages.
      if (result.reason !== 'signature') parts.raise(refusalEvent(result, request));
    }
    return result;
  };
  return {
    register,
    async registerByForm({ productKey, deviceName, random, sign, signMethod }, { address, secure }) {
      const found = profiles().byProductKey(productKey);
      const profile = found?.thing?.dialect === 'alibaba' ? found : undefined;
      const hash = signatureHash('alibaba', signMethod);
      const content = registrationContent({ device: deviceName, productKey, random });
      const key = { dialect: 'alibaba', hash: hash ?? 'sha256' } as const;
      const right = isSignedByProduct({ signature: sign, content, key }, profile?.thing, clock.now());
      const signed = right && hash !== undefined && isDeviceKey('alibaba', deviceName);
      const result = await register({ profile, deviceKey: deviceName, signed, secure, wants: 'secret', address });
      if (result.kind !== 'issued') return REFUSED;
      const { device, deviceSecret } = result;
      return { code: 200, text: issuedAnswer({ assetId: device.id, productKey, deviceKey: deviceName, deviceSecret }) };
    },
  };
}

function refusalEvent(
  { reason, device }: Extract<Registered, { kind: 'refused' }>,
  { profile, deviceKey, address }: RegistrationRequest,
): EntityEvent {
  const productKey = profile?.thing?.productKey ?? '';
  return {
    type: eventOf(reason),
    originator: device ? deviceOriginator(device) : TENANT_ORIGINATOR,
    data: { productKey, serial: deviceKey, address, reason },
    metadata: { deviceName: device?.name ?? deviceKey, deviceType: profile?.name ?? '' },
  };
}
