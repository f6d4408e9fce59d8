import { parseSignedNames, type SignedNames } from '../dialects/wire/login-names.ts';
import { httpLoginContent } from '../dialects/wire/signature.ts';
import type { Clock } from '../model/clock.ts';
import type { Device } from '../model/device.ts';
import type { Log } from '../observe/index.ts';
import type { ProfileSet } from '../profiles/index.ts';
import { provisionByChain } from '../provisioning/certificate-chain.ts';
import { commonNameOf } from '../registry/certificates.ts';
import type { LoginMatch } from '../registry/login-match.ts';
import type { Registry } from '../registry/registry.ts';
import { ConnectThrottle } from './connect-throttle.ts';
import type { Connectivity } from './connectivity.ts';
import { bump, type MessageCounters } from './counters.ts';
import { deviceOriginator, type EntityEvent } from './entity-makers.ts';
import type { LiveCredentials } from './live-credentials.ts';
import type { ClientCertificate, HttpLogin, Login, LoginRefusal, LoginResult } from './login.ts';
import type { OtaDownloads } from './ota-downloads.ts';
import type { RefusalPause } from './refusal-pause.ts';
import type { SessionClaims } from './session-claims.ts';
import type { LoginThing } from './thing-login.ts';

/** Who is let in, by whatever it shows. Never rejects: a store that fails is a refusal. */
export interface Logins {
  login(login: Login): Promise<LoginResult>;
  /** @param secure as in `Login`. */
  loginByToken(token: string, address: string, secure: boolean): Promise<LoginResult>;
  loginOverHttp(request: HttpLogin, peer: { address: string; secure: boolean }): Promise<LoginResult>;
}

export interface LoginsParts {
  readonly registry: Registry;
  readonly profiles: () => ProfileSet;
  readonly live: LiveCredentials;
  readonly claimed: SessionClaims;
  readonly connectivity: Connectivity;
  readonly ota: OtaDownloads;
  readonly loginThing: LoginThing;
  readonly guessPause: RefusalPause;
  readonly counters: MessageCounters;
  /** A session costs one message (thingsboard-device-api 7.3). */
  readonly takeMessage: (device: Device) => boolean;
  readonly announce: (device: Device, status: string, reason: string) => void;
  readonly raise: (event: EntityEvent) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** Characters of a common name, which nobody has signed perhaps, in the log. */
const SHOWN_NAME = 64;

export function createLogins(parts: LoginsParts): Logins {
  const { registry, profiles, live, claimed, connectivity, loginThing, counters, announce, raise, clock, log } = parts;

  const byCertificate = async (
    { der, notBefore, notAfter, issuers }: ClientCertificate,
    address: string,
  ): Promise<LoginMatch> => {
    const refused = (match: LoginMatch, problem: string): LoginMatch => {
      const commonName = commonNameOf(der)?.slice(0, SHOWN_NAME);
      log.info({ event: 'login.certificate', address, commonName, problem }, 'certificate refused');
      return match;
    };
    const now = clock.now();
    if (now < notBefore) return refused({ kind: 'expired' }, 'it is not valid yet');
    if (now > notAfter) return refused({ kind: 'expired' }, 'it has expired');
    const match = await registry.loginByCertificate(der);
    if (match.kind === 'expired') return refused(match, 'it was revoked, or its time as credentials is over');
    if (match.kind === 'disabled') return refused(match, 'its device is disabled');
    if (match.kind !== 'unknown') return match;
    const chain = await provisionByChain({ leaf: der, issuers: issuers() }, { registry, profiles, clock });
    if (chain.kind === 'refused') return refused(match, chain.problem);
    if (chain.kind === 'created') {
      bump(counters.provisioned, chain.kind);
      announce(chain.device, 'SUCCESS', chain.kind);
    }
    return registry.loginByCertificate(der);
  };

  const connects = new ConnectThrottle(clock);
  const refuse = async (
    reason: LoginRefusal,
    { address, decided }: Pick<Login, 'address' | 'decided'>,
    returnCode?: 2 | 3 | 4 | 5,
  ): Promise<LoginResult> => {
    bump(counters.refusals, `login:${reason}`);
    if (reason === 'unavailable') return { kind: 'refused', reason };
    decided?.();
    const fate = await parts.guessPause.refused(address);
    if (fate === 'drop') return { kind: 'refused', reason: 'hang-up' };
    return { kind: 'refused', reason, ...(returnCode === undefined ? {} : { returnCode }) };
  };

  const admit = (device: Device): LoginResult => {
    const profile = profiles().byName(device.profile);
    if (profile) {
      parts.ota.deviceIsHere(device);
      return { kind: 'device', device, profile };
    }
    log.warn({ event: 'login.no-profile', device: device.id, profile: device.profile }, 'device profile is gone');
    bump(counters.refusals, 'login:no-profile');
    return { kind: 'refused', reason: 'unavailable' };
  };

  /** A session is this instance's alone. */
  const mayOpen = async (login: LoginResult): Promise<LoginResult> => {
    if (login.kind !== 'device') return login;
    if (!connects.mayConnect(login.device.id, login.profile.limits.connects)) {
      bump(counters.refusals, 'login:too-many-connects');
      raise(connectsEvent(login.device));
      return { kind: 'refused', reason: 'rate-limited' };
    }
    if (!parts.takeMessage(login.device)) return { kind: 'refused', reason: 'rate-limited' };
    if (claimed.shared && !(await claimed.claim(login.device))) return { kind: 'refused', reason: 'unavailable' };
    return login;
  };

  const needsTls = ({ profile }: Device, secure: boolean): boolean =>
    !secure && profiles().byName(profile)?.listeners?.requireTls === true;

  const bySignature = async (login: Login, names: SignedNames, content?: string): Promise<LoginResult> => {
    const result = await loginThing(login, names, content);
    if (result.kind === 'issued' || result.kind === 'channel') return result;
    if (result.kind === 'device') {
      live.used(result.device, result.credentials);
      const admitted = admit(result.device);
      return mayOpen(admitted.kind === 'device' ? { ...admitted, thing: result.thing } : admitted);
    }
    // What a CONNECT of native form costs, whose names no profile has: the time does not tell which products there are.
    if (profiles().byProductKey(names.productKey)) await registry.login(login);
    return refuse('bad-credentials', login, result.returnCode);
  };

  const guarded = async (run: () => Promise<LoginResult>): Promise<LoginResult> => {
    try {
      return await run();
    } catch (error) {
      log.error({ event: 'login.failed', err: error }, 'login could not be checked');
      return { kind: 'refused', reason: 'unavailable' };
    }
  };

  return {
    login(login) {
      if (login.userName === 'provision' || login.clientId === 'provision') {
        return Promise.resolve({ kind: 'provision' });
      }
      return guarded(async () => {
        const { certificate } = login;
        const names = parseSignedNames(login.clientId, login.userName);
        if (names && profiles().byProductKey(names.productKey)) return bySignature(login, names);
        const match =
          certificate === undefined ? await registry.login(login) : await byCertificate(certificate, login.address);
        if (match.kind === 'device') {
          if (needsTls(match.device, login.secure)) return refuse('not-authorized', login);
          live.used(match.device, match.credentials);
          return mayOpen(admit(match.device));
        }
        if (match.kind === 'disabled' || login.certificate !== undefined) {
          return refuse('not-authorized', login);
        }
        if (names) return bySignature(login, names);
        const { clientId, userName, password } = login;
        if (userName !== '' || password !== '') return refuse('bad-credentials', login);
        return refuse(clientId.trim() === '' ? 'not-authorized' : 'bad-client-id', login);
      });
    },

    loginOverHttp({ productKey, deviceKey, lifetime, signMethod, sign }, peer) {
      const clientId = { name: deviceKey, parameters: new Map([['signmethod', signMethod]] as const) };
      const login = { ...peer, clientId: deviceKey, userName: `${deviceKey}&${productKey}`, password: sign };
      const content = httpLoginContent({ device: deviceKey, lifetime, productKey, signMethod });
      return guarded(() => bySignature(login, { device: deviceKey, productKey, clientId }, content));
    },

    loginByToken: (token, address, secure) =>
      guarded(async () => {
        const device = token === '' ? undefined : await registry.loginByToken(token);
        if (!device || needsTls(device, secure)) return refuse('bad-credentials', { address });
        connectivity.seen(device);
        return admit(device);
      }),
  };
}

const connectsEvent = (device: Device): EntityEvent => ({
  type: 'RATE_LIMITED',
  originator: deviceOriginator(device),
  data: { what: 'connects' },
  metadata: { deviceName: device.name, deviceType: device.profile },
});
