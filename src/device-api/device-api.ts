import type { Bus } from '../cluster/bus.ts';
import { BrokerError } from '../errors.ts';
import type { Clock } from '../model/clock.ts';
import type { Device } from '../model/device.ts';
import type { DeviceId } from '../model/ids.ts';
import { type JsonObject, stringifyJson } from '../model/json.ts';
import type { AttributeScope } from '../model/telemetry.ts';
import type { Log } from '../observe/index.ts';
import type { DeviceProfile, ProfileSet } from '../profiles/index.ts';
import type { DynamicRegistration } from '../provisioning/dynamic-registration.ts';
import type { Provisioning } from '../provisioning/provisioning.ts';
import type { DeviceCertificates } from '../registry/certificates.ts';
import type { Registry } from '../registry/registry.ts';
import type { SignedLogins } from '../registry/signed-logins.ts';
import type { AssetStore } from '../storage/asset-store.ts';
import type { AttributeStore } from '../storage/attribute-store.ts';
import type { AuditStore } from '../storage/record-stores.ts';
import { type BootstrapAnswer, createBootstrap } from './bootstrap.ts';
import type { Claims } from './claims.ts';
import { ConnectedSession, type OpenSession } from './connected-session.ts';
import type { Connectivity } from './connectivity.ts';
import { bump, countersOf, type MessageCounters } from './counters.ts';
import { type CertificateDesk, createCertificateDesk } from './device-certificates.ts';
import type { DeviceConfigs } from './device-configs.ts';
import type { DeviceFiles } from './device-files.ts';
import type { DeviceLimits } from './device-limits.ts';
import type { EntityEvent } from './entity-makers.ts';
import { createGateway, type Gateway, type GatewayLink } from './gateway.ts';
import type { GatewayLimits } from './gateway-limits.ts';
import { LiveCredentials } from './live-credentials.ts';
import type { HttpLogin, Login, LoginResult } from './login.ts';
import { createLogins } from './logins.ts';
import type { LongPolls, PollEnd, PollKind } from './long-polls.ts';
import type { MessageRunner } from './message-runner.ts';
import type { OtaDownloads } from './ota-downloads.ts';
import { type SessionEndReason, sessionEnds, type TellOthers } from './other-instances.ts';
import type { Presence } from './presence.ts';
import { createProvisionRequests, type ProvisionReply } from './provision-requests.ts';
import type { RefusalPause } from './refusal-pause.ts';
import type { Rpc } from './rpc.ts';
import { pollForCall } from './rpc-poll.ts';
import { createRpcUplink, type RpcUplink } from './rpc-uplink.ts';
import type { ServerRpc } from './server-rpc.ts';
import type { SessionClaims } from './session-claims.ts';
import { type FrontLimits, formatSessionLimits } from './session-limits.ts';
import type { DeviceLink, OpenSessions, Sessions } from './sessions.ts';
import type { SubDeviceRules } from './sub-device-maker.ts';
import { createThingLogin } from './thing-login.ts';
import { createThingRegistration, type RegistrationAnswer, type RegistrationForm } from './thing-registration.ts';
import { createThings, type Things } from './things.ts';
import { createUplink, type Uplink } from './uplink.ts';

export type BootstrapReply =
  | ({ readonly kind: 'answer' } & BootstrapAnswer)
  | { readonly kind: 'unavailable' }
  | { readonly kind: 'hang-up' };

export type RegistrationReply =
  | ({ readonly kind: 'answer' } & RegistrationAnswer)
  | { readonly kind: 'unavailable' }
  | { readonly kind: 'hang-up' };

type RateLimited = { readonly kind: 'rate-limited' };

/** What a device may ask, free of any protocol. */
export interface DeviceApi {
  login(login: Login): Promise<LoginResult>;
  /** By access token only, for fronts without a session (HTTP). */
  loginByToken(token: string, address: string, secure?: boolean): Promise<LoginResult>;
  /** By the signature of EnOS over HTTP; its session is the caller's to open. */
  loginOverHttp(request: HttpLogin, peer: { address: string; secure: boolean }): Promise<LoginResult>;
  provision(payload: Uint8Array, address: string): Promise<ProvisionReply>;
  /** A challenge to sign for a device without a clock, JSON. */
  challenge(): string;
  /** EnOS' device provisioning service. */
  bootstrap(payload: Uint8Array, peer: { address: string; secure: boolean }): Promise<BootstrapReply>;
  /** Alibaba's registration over HTTPS. */
  registerThing(form: RegistrationForm, peer: { address: string; secure: boolean }): Promise<RegistrationReply>;
  /** Registration of devices of other dialects, with what chains and counters hear of it. */
  readonly registration: DynamicRegistration;
  /** Registers a live session of the device; the newest wins. Call `close` on it when the connection is gone. */
  openSession(device: Device, link: DeviceLink, presence?: Presence): OpenSession;
  /** What connectivity keeps of a connection whose login is good; give it to `openSession`, and `closed()` it when none opens. */
  presence(device: Device): Presence;
  /** A login that opens no session after all. */
  abandon(device: Device): void;
  /** A request that waits for something to come for the device; counts as one of its messages. */
  poll(device: Device, kind: PollKind, timeoutMs: number, signal: AbortSignal): Promise<PollEnd | RateLimited>;
  readonly claims: Claims;
  /** The profile of that name as it stands now; undefined when its file is gone. */
  profile(name: string): DeviceProfile | undefined;
  /** Publishing on behalf of one device. */
  uplink(device: Device): Uplink;
  /** Calls to devices; a front that can deliver them listens here. */
  readonly rpc: Rpc;
  /** Calls of one session of the device, both ways. */
  rpcUplink(device: Device): RpcUplink;
  /** The answer to `getSessionLimits` as the limits stand now. */
  sessionLimits(device: Device, front: FrontLimits): string;
  /** Publishing on behalf of a gateway's sub-devices; `close` it when the connection is gone. */
  gateway(device: Device, link: GatewayLink): Gateway;
  /** Attributes set by an administrator or a chain; a shared one is pushed to the device once it is stored. Gives the keys written. */
  saveAttributes(id: DeviceId, scope: AttributeScope, values: JsonObject): Promise<readonly string[]>;
  /** Gives the keys that existed; the device hears of shared ones. */
  deleteAttributes(id: DeviceId, scope: AttributeScope, keys: readonly string[]): Promise<readonly string[]>;
  /** Ends the device's live session after its credentials changed or it was deleted or disabled, in all instances. */
  endSession(id: DeviceId, reason: SessionEndReason): void;
  isConnected(id: DeviceId): boolean;
  /** Counts a message to a device of the profile; absent: to who is no device yet. @param sent false: it did not read it. */
  countDownlink(sent: boolean, profile?: string): void;
  /** Resolves when no message is under way. */
  settled(): Promise<void>;
  readonly connected: number;
  /** The same by the names of profiles, connections apart from sub-devices. */
  openSessions(): ReadonlyMap<string, OpenSessions>;
  readonly ota: OtaDownloads;
  readonly certificates: CertificateDesk;
  /** What sessions of other dialects need besides. */
  readonly things: Things;
  /** Ends the device's live session when the credentials it used work no more, now or at their end. */
  credentialsChanged(id: DeviceId): Promise<void>;
}

export interface DeviceApiParts {
  readonly configs: DeviceConfigs;
  readonly files: DeviceFiles;
  readonly ota: OtaDownloads;
  readonly registry: Registry;
  readonly provisioning: Provisioning;
  readonly registration: DynamicRegistration;
  readonly signedLogins: SignedLogins;
  readonly certificates: DeviceCertificates;
  readonly audit: AuditStore;
  readonly profiles: () => ProfileSet;
  readonly attributes: AttributeStore;
  readonly runner: MessageRunner;
  readonly sessions: Sessions;
  /** Which sessions are this instance's. */
  readonly claimed: SessionClaims;
  readonly bus: Bus;
  readonly tellOthers: TellOthers;
  readonly limits: DeviceLimits;
  readonly rpc: Rpc;
  readonly serverRpc: ServerRpc;
  readonly instanceId: string;
  readonly connectivity: Connectivity;
  readonly claims: Claims;
  readonly polls: LongPolls;
  readonly assets: AssetStore;
  readonly gatewayLimits: GatewayLimits;
  readonly subDevices: SubDeviceRules;
  readonly counters: MessageCounters;
  /** Pauses of wrong logins and of provisioning requests with a wrong key or secret. */
  readonly guessPause: RefusalPause;
  /** Pauses of provisioning requests that were refused although their secret was right. */
  readonly failurePause: RefusalPause;
  readonly json: { readonly maxDepth: number; readonly maxKeys: number };
  readonly clock: Clock;
  readonly log: Log;
}

export function createDeviceApi(parts: DeviceApiParts): DeviceApi {
  const { registry, provisioning, profiles, attributes, runner, sessions, limits, counters, clock, log } = parts;
  const { claims, connectivity, polls } = parts;
  const { claimed } = parts;
  const markOf = (device: Device) => claimed.markOf(device);
  const { ota, json } = parts;
  const uplinkParts = { ota, profiles, runner, attributes, limits, markOf, claims, counters, clock, log, json };

  const uplink = (device: Device): Uplink =>
    createUplink(device, uplinkParts, device.gateway ? parts.gatewayLimits.meterOfGateway(device.id) : undefined);

  const live = new LiveCredentials({ registry, sessions, clock, log });
  const ends = { sessions, live, claims: claimed };
  const everywhere = sessionEnds({ ...parts, live });

  const raise = (event: EntityEvent): void => runner.raise(event);
  const registration = createThingRegistration({
    ...parts,
    raise,
    onIssued(device, created) {
      bump(counters.provisioned, created ? 'created' : 'issued');
      announce(device, 'SUCCESS', created ? 'created' : 'issued');
    },
    onRefused: (reason) => bump(counters.refusals, `provision:${reason}`),
  });
  const bootstrap = createBootstrap({ registration, profiles, clock });
  const loginThing = createThingLogin({ ...parts, logins: parts.signedLogins, registration });
  const provision = createProvisionRequests({
    ...parts,
    announce,
    raise,
    credentialsChanged: (id) => everywhere.credentialsChanged(id),
  });
  const logins = createLogins({
    ...parts,
    live,
    announce,
    raise,
    loginThing,
    takeMessage: (device) => uplink(device).takeMessage('login'),
  });

  return {
    login: (login) => logins.login(login),
    loginOverHttp: (request, peer) => logins.loginOverHttp(request, peer),
    loginByToken: (token, address, secure = false) => logins.loginByToken(token, address, secure),

    async registerThing(form, peer) {
      try {
        const answer = await registration.registerByForm(form, peer);
        const drop = answer.code !== 200 && (await parts.guessPause.refused(peer.address)) === 'drop';
        return drop ? { kind: 'hang-up' } : { kind: 'answer', ...answer };
      } catch (error) {
        log.error({ event: 'register.failed', err: BrokerError.from(error) }, 'registration could not be done');
        return { kind: 'unavailable' };
      }
    },

    provision,
    challenge: () => JSON.stringify(provisioning.challenge()),

    async bootstrap(payload, peer) {
      try {
        const answer = await bootstrap(payload, peer);
        const drop = answer.code === 401 && (await parts.guessPause.refused(peer.address)) === 'drop';
        return drop ? { kind: 'hang-up' } : { kind: 'answer', ...answer };
      } catch (error) {
        log.error({ event: 'bootstrap.failed', err: BrokerError.from(error) }, 'bootstrap could not be done');
        return { kind: 'unavailable' };
      }
    },
    registration,
    presence: (device) => connectivity.presence(device),
    abandon: (device) => claimed.abandon(device),
    claims,

    async poll(device, kind, timeoutMs, signal) {
      if (!uplink(device).takeMessage('poll')) return { kind: 'rate-limited' };
      if (kind === 'rpc') {
        return pollForCall(parts.rpc, device.id, signal, (end) => polls.wait(device.id, kind, timeoutMs, end));
      }
      return polls.wait(device.id, kind, timeoutMs, signal);
    },

    openSession(device, link, presence = connectivity.presence(device)) {
      const session = new ConnectedSession({ device, link, since: clock.now() }, presence, ends);
      countersOf(counters, device.profile)[link.isSubDevice ? 'subDeviceConnects' : 'connects']++;
      if (!claimed.opened(session)) {
        link.close('taken-over');
        return session;
      }
      if (sessions.open(session)) counters.takeOvers++;
      presence.opened();
      live.opened(session);
      return session;
    },

    profile: (name) => profiles().byName(name),
    uplink,
    rpc: parts.rpc,
    rpcUplink: (device) => createRpcUplink(device, parts, uplink(device)),
    sessionLimits(device, front) {
      const { limits, gatewayLimits } = parts;
      const defaults = device.gateway ? gatewayLimits.texts.own : limits.defaults;
      const ofSubDevices = device.gateway ? gatewayLimits.texts.subDevices : undefined;
      return formatSessionLimits(front, { profile: profiles().byName(device.profile), defaults }, ofSubDevices);
    },

    gateway(device, link) {
      const meter = parts.gatewayLimits.meterOfSubDevices(device.id);
      return createGateway(device, link, {
        ...uplinkParts,
        registry,
        assets: parts.assets,
        limits: parts.gatewayLimits,
        rules: parts.subDevices,
        meter,
        ownUplink: uplink(device),
        openSession: (sub, subLink) => this.openSession(sub, subLink),
        claim: claimed.shared ? (sub) => claimed.claim(sub) : undefined,
        uplink: (sub) => createUplink(sub, uplinkParts, meter),
        listen: (id, calls) => parts.rpc.listen(id, calls),
        respond: (sub, ...reply) => createRpcUplink(sub.device, parts, sub.uplink).respond(...reply),
        announce: (sub) => announceCreated(sub, { gatewayId: device.id }),
        log,
      });
    },

    async saveAttributes(id, scope, values) {
      const written = await attributes.save({ entityId: id, scope, values, ts: clock.now(), onlyOnChange: false });
      if (scope === 'SHARED_SCOPE') sessions.push(id, { kind: 'shared-attributes', text: stringifyJson(values) });
      return written;
    },

    async deleteAttributes(id, scope, keys) {
      const removed = await attributes.remove(id, scope, keys);
      if (scope === 'SHARED_SCOPE' && removed.length > 0) {
        sessions.push(id, { kind: 'shared-attributes', text: JSON.stringify({ deleted: removed }), deleted: removed });
      }
      return removed;
    },

    endSession: (id, reason) => everywhere.end(id, reason),
    ota: parts.ota,
    certificates: createCertificateDesk({
      ...parts,
      credentialsChanged: (id) => everywhere.credentialsChanged(id),
      takeMessage: (device) => uplink(device).takeMessage('certificate'),
    }),
    things: createThings({
      ...parts,
      live,
      registration,
      claim: (device) => (claimed.shared ? claimed.claim(device) : Promise.resolve(true)),
    }),
    credentialsChanged: (id) => everywhere.credentialsChanged(id),
    countDownlink(sent, profile = '') {
      countersOf(counters, profile)[sent ? 'downlinks' : 'downlinksDropped']++;
    },
    settled: () => runner.drain(),
    isConnected: (id) => sessions.get(id) !== undefined,
    get connected() {
      return sessions.size;
    },
    openSessions: () => sessions.byProfile(),
  };

  /** The chain hears of provisioning as ThingsBoard's would (thingsboard-device-api 2.5), without keys and secrets. */
  function announce(device: Device, status: string, reason: string, claims: JsonObject = {}): void {
    const metadata = { deviceName: device.name, deviceType: device.profile };
    const ts = clock.now();
    const nothing = (): void => {};
    if (reason === 'created') announceCreated(device);
    const type = status === 'SUCCESS' ? 'PROVISION_SUCCESS' : 'PROVISION_FAILURE';
    runner.run({ device, type, ts, data: { ...claims, deviceName: device.name, outcome: reason }, metadata }, nothing);
  }

  function announceCreated(device: Device, more: Readonly<Record<string, string>> = {}): void {
    const { id, name, profile, createdAt } = device;
    const metadata = { deviceName: name, deviceType: profile, ...more };
    const data = { id: { entityType: 'DEVICE', id }, name, type: profile, createdTime: createdAt };
    runner.run({ device, type: 'ENTITY_CREATED', ts: clock.now(), data, metadata }, () => {});
  }
}
