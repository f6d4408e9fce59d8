import { isDeviceKey } from '../dialects/wire/dialect.ts';
import { issuedPush, type Push, tokenPush } from '../dialects/wire/issued.ts';
import { CHANNEL, loginMode } from '../dialects/wire/login-mode.ts';
import type { SignedNames } from '../dialects/wire/login-names.ts';
import { isSignature, loginContent, registrationContent, signatureHash } from '../dialects/wire/signature.ts';
import type { Clock } from '../model/clock.ts';
import type { Device } from '../model/device.ts';
import { type DeviceProfile, type ProfileSet, REFUSAL_CODES } from '../profiles/index.ts';
import { isSignedByProduct } from '../provisioning/product-secret.ts';
import type { DeviceCertificates } from '../registry/certificates.ts';
import { type SignedLogins, withCertificate } from '../registry/signed-logins.ts';
import type { AuditStore } from '../storage/record-stores.ts';
import type { Login, ThingIdentity } from './login.ts';
import type { ThingRegistration } from './thing-registration.ts';

/** How a signed CONNECT ends, before limits and sessions. */
export type ThingLogin =
  | {
      readonly kind: 'device';
      readonly device: Device;
      readonly thing: ThingIdentity;
      /** As in `LoginMatch`. */
      readonly credentials: string;
    }
  | { readonly kind: 'issued'; readonly push: Push }
  | { readonly kind: 'channel'; readonly profile: DeviceProfile; readonly productKey: string }
  | { readonly kind: 'refused'; readonly returnCode: 2 | 3 | 4 | 5 };

export interface ThingLoginParts {
  readonly logins: SignedLogins;
  readonly registration: ThingRegistration;
  readonly profiles: () => ProfileSet;
  readonly certificates: Pick<DeviceCertificates, 'check'>;
  readonly audit: AuditStore;
  readonly clock: Clock;
}

/**
 * Logs in devices whose CONNECT is of the signed form. The profile that has the product key says what its parts mean; without
 * one the same steps are taken, and nobody is let in. @param content what EnOS signs over HTTP, in place of what a CONNECT signs.
 */
export type LoginThing = (login: Login, names: SignedNames, content?: string) => Promise<ThingLogin>;

export function createThingLogin(parts: ThingLoginParts): LoginThing {
  const { logins, registration, certificates, profiles, audit, clock } = parts;
  const refuse = async (
    { profile, names, login }: Attempt,
    reason: string,
    verified: boolean,
    device?: Device,
  ): Promise<ThingLogin> => {
    await audit.append({
      at: clock.now(),
      action: 'device.login',
      by: `address:${login.address}`,
      subject: device ? `device:${device.id}` : `profile:${profile?.name ?? ''}`,
      outcome: reason,
      facts: { productKey: shown(names.productKey), deviceKey: shown(names.device) },
    });
    return refused(profile, verified);
  };

  const byDeviceSecret = async (attempt: Attempt): Promise<ThingLogin> => {
    const { login, names, profile, thing, dialect, hash } = attempt;
    const { device, productKey, clientId } = names;
    const timestamp = clientId.parameters.get('timestamp');
    const content =
      attempt.content ?? loginContent(dialect, { clientId: clientId.name, device, productKey, timestamp });
    const mayMatch = hash !== undefined && thing?.hashes.has(hash) === true && isDeviceKey(dialect, device);
    const key = { dialect, hash: hash ?? 'sha256' } as const;
    const match =
      attempt.mode === 'client-token'
        ? await logins.loginByToken({ productKey, deviceKey: device }, clientId.name, login.password)
        : await logins.login({ productKey, deviceKey: device }, (secret) => {
            const right = isSignature(login.password, content, { ...key, secret });
            return right && mayMatch;
          });
    if (match.kind === 'unknown' || match.kind === 'expired') return refuse(attempt, match.kind, false);
    if (match.kind === 'disabled') return refuse(attempt, 'disabled', true, match.device);
    if (profile?.listeners?.requireTls && !login.secure) return refuse(attempt, 'no-tls', true, match.device);
    const about = { clientName: clientId.name, subscribesAll: clientId.parameters.get('_ss') === '1' };
    const identity = { productKey, deviceKey: device, ...about, secure: login.secure };
    const entered = { kind: 'device', device: match.device, thing: identity, credentials: match.credentials } as const;
    if (!profile?.x509) return entered;
    const shown = login.certificate?.der;
    const checked = shown === undefined ? undefined : await certificates.check(match.device.id, shown);
    if (checked?.kind !== 'valid') return refuse(attempt, 'certificate', true, match.device);
    return { ...entered, credentials: withCertificate(match.credentials, checked.serial) };
  };

  const byProductSecret = async (attempt: Attempt): Promise<ThingLogin> => {
    const { login, names, profile, thing, dialect, hash, mode } = attempt;
    const { device, productKey, clientId } = names;
    const random = clientId.parameters.get('random');
    const content =
      dialect === 'enos'
        ? loginContent(dialect, {
            clientId: clientId.name,
            device,
            productKey,
            timestamp: clientId.parameters.get('timestamp'),
          })
        : registrationContent({ device, productKey, random: random ?? '' });
    const right = isSignedByProduct(
      { signature: login.password, content, key: { dialect, hash: hash ?? 'sha256' } },
      thing,
      clock.now(),
    );
    const signed = right && hash !== undefined && (dialect === 'enos' || random !== undefined);
    const result = await registration.register({
      profile,
      deviceKey: device,
      signed: signed && isDeviceKey(dialect, device),
      secure: login.secure,
      wants: mode === 'product-token' ? 'token' : 'secret',
      address: login.address,
    });
    if (result.kind === 'token')
      return { kind: 'issued', push: tokenPush({ ...result, productKey, deviceKey: device }) };
    if (result.kind === 'refused') return refused(profile, result.reason === 'repeat' || result.reason === 'disabled');
    const { deviceSecret, device: issued } = result;
    const push = issuedPush(dialect, { assetId: issued.id, productKey, deviceKey: device, deviceSecret });
    return { kind: 'issued', push };
  };

  const byChannel = async (attempt: Attempt): Promise<ThingLogin> => {
    const { login, names, profile, thing, dialect, hash } = attempt;
    const { productKey, clientId } = names;
    const timestamp = clientId.parameters.get('timestamp');
    const content = loginContent(dialect, { clientId: clientId.name, device: CHANNEL, productKey, timestamp });
    const signature = { signature: login.password, content, key: { dialect, hash: hash ?? 'sha256' } } as const;
    const right = isSignedByProduct(signature, thing, clock.now()) && hash !== undefined;
    if (!right || !profile) return refuse(attempt, 'signature', false);
    if (!thing?.integration) return refuse(attempt, 'integration-off', true);
    if (!login.secure && !profile.listeners?.allowPlaintextProvisioning) return refuse(attempt, 'no-tls', true);
    return { kind: 'channel', profile, productKey };
  };

  return (login, names, content) => {
    const profile = profiles().byProductKey(names.productKey);
    const dialect = profile?.thing?.dialect ?? 'enos';
    const mode = content === undefined ? loginMode(dialect, names) : dialect === 'enos' ? 'device-secret' : 'unknown';
    const hash = signatureHash(dialect, names.clientId.parameters.get('signmethod'));
    const attempt = { login, names, profile, thing: profile?.thing, dialect, mode, hash, content };
    switch (mode) {
      case 'device-secret':
      case 'client-token':
        return byDeviceSecret(attempt);
      case 'product-secret':
      case 'product-token':
        return byProductSecret(attempt);
      case 'channel':
        return byChannel(attempt);
      case 'unknown':
        return refuse(attempt, 'unknown-mode', false);
    }
  };
}

interface Attempt {
  readonly login: Login;
  readonly names: SignedNames;
  readonly profile: DeviceProfile | undefined;
  readonly thing: DeviceProfile['thing'];
  readonly dialect: 'enos' | 'alibaba';
  readonly mode: ReturnType<typeof loginMode>;
  readonly hash: ReturnType<typeof signatureHash>;
  readonly content: string | undefined;
}

/** @param verified it has shown that it knows a secret: it may hear that it is not let in. */
function refused(profile: DeviceProfile | undefined, verified: boolean): ThingLogin {
  const codes = profile?.thing?.refusalCodes ?? REFUSAL_CODES;
  return { kind: 'refused', returnCode: verified ? codes.notAllowed : codes.credentials };
}

/** What a stranger sent, as far as it belongs into the audit. */
const shown = (text: string): string => text.slice(0, 64);
