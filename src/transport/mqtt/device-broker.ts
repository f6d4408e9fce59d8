import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { Aedes, type Client } from 'aedes';
import type { IConnectPacket, IPublishPacket } from 'mqtt-packet';
import type { ClientCertificate, DeviceApi, LoginResult } from '../../device-api/index.ts';
import type { Log } from '../../observe/index.ts';
import { AddressBlock, type AddressBlockOptions } from './address-block.ts';
import { disconnectClient, guardClient, hardenBroker, letInAtOnce, refuseConnect } from './aedes-private.ts';
import { ChannelConnection } from './channel-connection.ts';
import { setTerms, type Terms, termsFor } from './connack-terms.ts';
import { finishPublish, type PublishDone, type PublishVerdict } from './connection.ts';
import { DeviceSession } from './device-session.ts';
import type { GuardOptions } from './guard-options.ts';
import { IssueSession } from './issue-session.ts';
import type { ClientPacket } from './packet-decoder.ts';
import { defaultGateLimits, StrictGate, type Verdict } from './packet-gate.ts';
import { ProvisionSession } from './provision-session.ts';
import { reasonCodes } from './reason-codes.ts';
import { ThingConnection } from './thing-connection.ts';
import { ConnectRefused } from './wire-errors.ts';

export interface DeviceBrokerOptions {
  /** Largest packet on the wire, bytes. */
  readonly maxPacketBytes: number;
  /** Its remaining length: what devices are told. */
  readonly maxPayloadBytes: number;
  /** Time to the CONNECT packet, ms. */
  readonly connectTimeoutMs: number;
  /** A login that takes longer is answered with `server unavailable`, ms. */
  readonly loginTimeoutMs: number;
  /** A socket that takes nothing for so long is closed, ms. */
  readonly drainTimeoutMs: number;
  /** Largest keep-alive, s; a CONNECT without one gets `defaultKeepaliveS`. */
  readonly maxKeepaliveS: number;
  readonly defaultKeepaliveS: number;
  /** Drops addresses with too many wrong logins; absent = off. */
  readonly addressBlock?: AddressBlockOptions;
}

/** Who is at the other end of a connection. */
export interface Peer {
  readonly address: string;
  /** See `Login.secure`. */
  readonly secure: boolean;
  readonly certificate?: ClientCertificate;
}

/** Who takes over the connections of app clients. */
export interface AppDoor {
  /** Whether a CONNECT is an app client's. */
  isFor(packet: IConnectPacket): boolean;
  accept(conn: Duplex, address: string): void;
}

/** ThingsBoard counts the remaining length only (thingsboard-device-api 7.1); on the wire the fixed header comes on top. */
export function wireBytes(remainingLength: number): number {
  const lengthBytes = remainingLength < 128 ? 1 : remainingLength < 16_384 ? 2 : remainingLength < 2_097_152 ? 3 : 4;
  return 1 + lengthBytes + remainingLength;
}

/** At the end, what was read gets so long to be acknowledged, ms. */
const FINISH_MS = 3_000;
/** Clients that are sent to other instances at a time, and the pause between, ms: 10,000 go in 2 s. */
const SLICE = 250;
const SLICE_MS = 50;

const BROKEN: PublishVerdict = { kind: 'close', code: reasonCodes.implementationSpecific };

type Session = (DeviceSession | ThingConnection | ChannelConnection | IssueSession | ProvisionSession) & {
  /** What goes out right behind the CONNACK. */
  welcome?(): IPublishPacket;
};

/** One connection: its packet gate, and behind that SUBSCRIBE and UNSUBSCRIBE, which aedes never sees: filters only steer pushes. */
class Connection extends StrictGate {
  readonly address: string;
  readonly secure: boolean;
  readonly certificate: ClientCertificate | undefined;
  /** Between the login and its answer. */
  login: LoginResult | undefined;
  session: Session | undefined;
  /** Until then, too. */
  terms: Terms | undefined;
  /** Of the device that has logged in. */
  profile: string | undefined;

  constructor({ address, secure, certificate }: Peer) {
    super();
    this.address = address;
    this.secure = secure;
    this.certificate = certificate;
  }

  override inspect(packet: ClientPacket): Verdict {
    const verdict = super.inspect(packet);
    const { session } = this;
    if (verdict !== 'pass' || !session) return verdict;
    if (packet.cmd !== 'disconnect') session.seen();
    if (packet.cmd === 'subscribe') return { answer: session.subscribe(packet) };
    if (packet.cmd === 'unsubscribe') return { answer: session.unsubscribe(packet) };
    return verdict;
  }
}

/**
 * aedes as a session engine for devices: it owns CONNECT, keep-alive, take-over and QoS 2; topics end in the device API.
 * Nothing is routed, retained, queued or stored by it, and it has no subscribers.
 */
export class DeviceBroker extends Aedes {
  readonly #api: DeviceApi;
  readonly #log: Log;
  readonly #options: DeviceBrokerOptions;
  readonly #guard: GuardOptions;
  readonly #connections = new Map<Client, Connection>();
  readonly #blocked: AddressBlock | undefined;

  constructor(options: DeviceBrokerOptions, api: DeviceApi, log: Log, apps?: AppDoor) {
    super({
      id: `gridmoor-${randomUUID()}`,
      concurrency: 100,
      connectTimeout: options.connectTimeoutMs,
      drainTimeout: options.drainTimeoutMs,
      maxClientsIdLength: 64,
      maximumPacketSize: options.maxPacketBytes,
      receiveMaximum: defaultGateLimits.maxOpenQos2,
      keepaliveLimit: options.maxKeepaliveS,
    } as ConstructorParameters<typeof Aedes>[0]);
    this.#api = api;
    this.#log = log;
    this.#options = options;
    this.#blocked = options.addressBlock && new AddressBlock(options.addressBlock);
    this.#guard = {
      maxPacketBytes: options.maxPacketBytes,
      onPublish: (client, packet) => this.#publish(client, packet),
      onDownlink: (client, sent) => this.#api.countDownlink(sent, this.#connections.get(client)?.profile),
      onDownlinkAck: (client, messageId, reasonCode) =>
        this.#connections.get(client)?.session?.acknowledged(messageId, reasonCode),
      ...(apps ? { handOver: (client: Client, packet: IConnectPacket) => this.#handOver(apps, client, packet) } : {}),
      onWelcome: (client) => this.#connections.get(client)?.session?.welcome?.(),
      onDrop: (client, { reason }) => this.#dropped(client, reason),
      onClose: (client) => this.#closed(client),
    };
    hardenBroker(this);
    letInAtOnce(this);
    this.preConnect = (client, packet, done) => this.#preConnect(client, packet, done);
    this.authenticate = (client, _user, _password, done) => this.#authenticate(client, done);
    this.authorizePublish = (client, packet, done) =>
      client ? this.#publish(client, packet as unknown as IPublishPacket, done) : done(new Error('no client'));
    this.authorizeSubscribe = (_client, _subscription, done) => done(null, null); // SUBSCRIBE never gets here
    this.authorizeForward = () => null;
    this.on('clientReady', (client) => this.#connections.get(client)?.session?.ready());
    this.on('clientError', (client, error) => this.#report(client, error));
    this.on('connectionError', (client, error) => this.#report(client, error));
    // Typed without it, but aedes emits store failures here; unheard, they would end the process.
    (this as unknown as NodeJS.EventEmitter).on('error', (error: unknown) =>
      log.error({ event: 'mqtt.engine', err: error }, 'MQTT engine error'),
    );
  }

  /** Device topics end in the device API, and what aedes tells itself ($SYS) has no listener: nothing goes on from here. */
  override publish(_packet: unknown, client: unknown, done?: unknown): void {
    const callback = typeof client === 'function' ? client : done;
    if (typeof callback === 'function') callback(null);
  }

  /** Whether connections of the address are dropped unread, for too many wrong logins. */
  blocks(address: string): boolean {
    return this.#blocked?.isBlocked(address) ?? false;
  }

  /** Takes a fresh connection over. */
  accept(socket: Duplex, peer: Peer): void {
    const client = this.handle(socket as Socket);
    const connection = new Connection(peer);
    this.#connections.set(client, connection);
    guardClient(client, connection, this.#guard);
  }

  #handOver(apps: AppDoor, client: Client, packet: IConnectPacket): ((conn: Duplex) => void) | undefined {
    if (!apps.isFor(packet)) return undefined;
    const address = this.#connections.get(client)?.address ?? 'unknown';
    return (conn) => apps.accept(conn, address);
  }

  /** Tells the clients to move, so many a second, until none is left; call when none comes any more. */
  async moveAway(perSecond: number): Promise<void> {
    while (this.#connections.size > 0 && !this.closed) {
      for (const client of [...this.#connections.keys()].slice(0, perSecond)) {
        disconnectClient(client, reasonCodes.useAnotherServer);
      }
      await pause(1_000, undefined, { ref: false });
    }
  }

  /**
   * Reads no more, acknowledges what was read, ends every connection, then closes.
   * @param others there are instances that take the clients, who are told so, and not all at the same moment.
   */
  async shutDown(others: boolean): Promise<void> {
    this.#guard.paused = true;
    await Promise.race([this.#api.settled(), pause(FINISH_MS, undefined, { ref: false })]);
    const told = [...this.#connections.keys()];
    const gone = Promise.all(told.map(({ conn }) => new Promise((resolve) => conn.once('close', resolve))));
    const reasonCode = others ? reasonCodes.useAnotherServer : reasonCodes.serverShuttingDown;
    for (const [at, client] of told.entries()) {
      if (others && at > 0 && at % SLICE === 0) await pause(SLICE_MS, undefined, { ref: false });
      disconnectClient(client, reasonCode);
    }
    // aedes destroys sockets at once: what a client still sends would then reset the connection before it reads why it ends.
    await gone;
    await new Promise<void>((resolve) => this.close(() => resolve()));
  }

  get openConnections(): number {
    return this.#connections.size;
  }

  #closed(client: Client): void {
    const connection = this.#connections.get(client);
    this.#connections.delete(client);
    if (connection?.session) connection.session.closed();
    else if (connection?.login) this.#abandon(connection.login);
  }

  #dropped(client: Client, reason: string): void {
    const address = this.#connections.get(client)?.address;
    // Before its login a connection has no id.
    const known = client.id ? { client: client.id } : {};
    this.#log.info({ event: 'mqtt.refused', address, ...known, reason }, 'connection closed by the packet gate');
  }

  #preConnect(client: Client, packet: IConnectPacket, done: (error: Error | null, ok: boolean) => void): void {
    const connection = this.#connections.get(client);
    if (!connection) {
      done(new Error('unknown connection'), false);
      return;
    }
    const { maxKeepaliveS, defaultKeepaliveS } = this.#options;
    if (packet.protocolVersion === 5) connection.terms = termsFor(packet, Math.min(defaultKeepaliveS, maxKeepaliveS));
    const login = {
      clientId: packet.clientId,
      userName: packet.username ?? '',
      password: packet.password?.toString('utf8') ?? '',
      address: connection.address,
      secure: connection.secure,
      ...(connection.certificate ? { certificate: connection.certificate } : {}),
    };
    // Sessions are clean and in memory, without will (thingsboard-device-api 1.5); a silent device must go some day.
    packet.clean = true;
    delete packet.will;
    if (packet.properties) delete packet.properties.sessionExpiryInterval;
    // MQTT 5 clients are told what holds in the CONNACK; older ones cannot be told, and are not refused for it.
    if (packet.protocolVersion !== 5) packet.keepalive = Math.min(packet.keepalive || defaultKeepaliveS, maxKeepaliveS);
    void this.#login(login).then((result) => {
      if (!this.#connections.has(client)) this.#abandon(result);
      connection.login = result;
      this.#countLogin(result, connection.address);
      if (result.kind === 'refused' && result.reason === 'hang-up') {
        done(new Error('too many refused logins'), false);
        return;
      }
      // aedes' own take-over then follows the device, and provisioning sessions never meet.
      packet.clientId = result.kind === 'device' ? result.device.id : randomUUID();
      done(null, true);
    });
  }

  /** The connection has gone before its session opened. */
  #abandon(login: LoginResult): void {
    if (login.kind === 'device') this.#api.abandon(login.device);
  }

  /** Only what a peer itself gave wrong counts against its address. */
  #countLogin(result: LoginResult, address: string): void {
    if (result.kind !== 'refused' && result.kind !== 'provision') this.#blocked?.succeeded(address);
    if (result.kind !== 'refused' || result.reason === 'unavailable' || result.reason === 'rate-limited') return;
    this.#blocked?.failed(address);
  }

  async #login(login: Parameters<DeviceApi['login']>[0]): Promise<LoginResult> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<LoginResult>((resolve) => {
      const { loginTimeoutMs } = this.#options;
      timer = setTimeout(() => resolve({ kind: 'refused', reason: 'unavailable' }), loginTimeoutMs);
    });
    const decided = (): void => clearTimeout(timer);
    try {
      const result = await Promise.race([this.#api.login({ ...login, decided }), late]);
      if (result.kind !== 'device' || result.profile.transport !== 'coap') return result;
      this.#abandon(result);
      return { kind: 'refused', reason: 'unavailable' }; // thingsboard-device-api 1.2
    } catch (error) {
      this.#log.error({ event: 'mqtt.login', err: error }, 'login failed');
      return { kind: 'refused', reason: 'unavailable' };
    } finally {
      clearTimeout(timer);
    }
  }

  #authenticate(client: Client, done: (error: ConnectRefused | null, ok: boolean | null) => void): void {
    const connection = this.#connections.get(client);
    const login = connection?.login;
    if (connection) connection.login = undefined;
    if (client.version === 5 && login?.kind === 'refused' && login.reason === 'rate-limited') {
      refuseConnect(client, reasonCodes.connectionRateExceeded);
      return;
    }
    if (!connection || !login || login.kind === 'refused') {
      const { reason, returnCode } = login?.kind === 'refused' ? login : { reason: 'unavailable' as const };
      done(new ConnectRefused(reason, client.version, returnCode), false);
      return;
    }
    connection.profile = login.kind === 'device' ? login.device.profile : undefined;
    connection.session = this.#sessionOf(client, login, connection.address);
    if (connection.terms) setTerms(client, connection.terms);
    connection.terms = undefined;
    done(null, true);
  }

  #sessionOf(client: Client, login: Exclude<LoginResult, { kind: 'refused' }>, address: string): Session {
    switch (login.kind) {
      case 'provision':
        return new ProvisionSession(client, this.#api, { address, log: this.#log });
      case 'issued':
        return new IssueSession(client, login);
      case 'channel':
        return new ChannelConnection(client, this.#api, login);
      case 'device': {
        const { device, profile, thing } = login;
        if (thing) return new ThingConnection(client, this.#api, { ...login, thing });
        return new DeviceSession(client, this.#api, device, profile, this.#options.maxPayloadBytes);
      }
    }
  }

  /** @param done calls aedes back, which has the publishes of QoS 2. */
  #publish(client: Client, packet: IPublishPacket, done?: PublishDone): void {
    try {
      const session = this.#connections.get(client)?.session;
      if (!session) throw new Error('no session');
      session.publish(packet, done);
    } catch (error) {
      this.#log.error({ event: 'mqtt.publish', client: client.id, err: error }, 'publish failed');
      finishPublish(client, packet, BROKEN, done);
    }
  }

  #report(client: Client, error: Error): void {
    const address = this.#connections.get(client)?.address;
    this.#log.info({ event: 'mqtt.closed', address, client: client.id, reason: error.message }, 'connection ended');
  }
}
