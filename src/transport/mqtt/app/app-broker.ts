import { randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { Aedes, type Client, type Subscription } from 'aedes';
import type { IConnectPacket, IPublishPacket } from 'mqtt-packet';
import { type AppIdentity, type AppLogin, isAppLogin } from '../../../app-clients/index.ts';
import { disconnectClient, guardClient, hardenBroker } from '../aedes-private.ts';
import { finishPublish } from '../connection.ts';
import type { AppDoor } from '../device-broker.ts';
import { pendingBytes } from '../downlink.ts';
import type { GuardOptions } from '../guard-options.ts';
import { defaultGateLimits } from '../packet-gate.ts';
import { reasonCodes } from '../reason-codes.ts';
import { ConnectRefused } from '../wire-errors.ts';
import { emitPacket, forgetWill, isTakenOver, nextCounter, tellClientId } from './aedes-app.ts';
import { AppConnection, type Delivery } from './app-connection.ts';
import type { AppBrokerOptions, AppBrokerParts, AppCounts } from './app-options.ts';
import { ClusterEmitter } from './cluster-emitter.ts';
import { createFanOut } from './fan-out.ts';
import { guardSessions } from './guarded-sessions.ts';
import { FROM_RETAINED, grantedQos, Outbound, tooLarge } from './outbound.ts';
import { MemoryQueue, storedQueue } from './outbound-queues.ts';
import type { AedesPacket } from './persistence.ts';
import { PublishLimits } from './publish-limits.ts';
import { toPublication } from './publish-packet.ts';

/**
 * The broker of app clients: back ends that log in with an API key and subscribe to what chains publish below `app/`. aedes owns
 * CONNECT, keep-alive, SUBSCRIBE and QoS 0; what has QoS 1 is queued and sent by us, so that no client waits for another.
 */
export class AppBroker extends Aedes implements AppDoor {
  readonly #options: AppBrokerOptions;
  readonly #parts: AppBrokerParts;
  readonly #guard: GuardOptions;
  readonly #limits: PublishLimits;
  readonly #connections: WeakMap<object, AppConnection>;
  readonly #open = new Set<Client>();
  /** Connected clients with a stored session, by id. */
  readonly #stored = new Map<string, Outbound>();
  #timer: NodeJS.Timeout | undefined;
  #sweeping = false;
  #draining = false;
  #cut = 0;
  #lost = 0;

  constructor(options: AppBrokerOptions, parts: AppBrokerParts) {
    const id = `gridmoor-app-${randomUUID()}`;
    const onError = (error: unknown): void =>
      parts.log.error({ event: 'app.bus', err: error }, 'another broker may not have heard of a publication');
    const emitter = new ClusterEmitter({ bus: parts.bus, onError });
    // Also of those who are gone: wills come after them.
    const connections = new WeakMap<object, AppConnection>();
    super({
      id,
      concurrency: 0,
      connectTimeout: options.connectTimeoutMs,
      drainTimeout: options.drainTimeoutMs,
      maxClientsIdLength: 512,
      maximumPacketSize: options.maxPacketBytes,
      receiveMaximum: defaultGateLimits.maxOpenQos2,
      keepaliveLimit: options.maxKeepaliveS,
      sessionExpiryIntervalLimit: Math.max(1, Math.floor(options.maxSessionMs / 1_000)),
      mq: emitter,
      persistence: guardSessions(
        parts.sessions,
        {
          publish: (packet, heard) => void emitter.emit(packet, heard),
          subscribe: (topic, listener, heard) => void emitter.on(topic, listener, heard),
          unsubscribe: (topic, listener, heard) => void emitter.removeListener(topic, listener as never, heard),
        },
        (client, filter) => connections.get(client)?.maySubscribe(filter) ?? false,
      ),
    } as ConstructorParameters<typeof Aedes>[0]);
    this.#connections = connections;
    this.#options = options;
    this.#parts = parts;
    this.#limits = new PublishLimits(options.publishRate);
    this.#guard = {
      maxPacketBytes: options.maxPacketBytes,
      maxPendingBytes: options.maxPendingBytes,
      onDownlinkAck: (client, messageId) => this.#connections.get(client)?.delivery?.outbound.acknowledged(messageId),
      onDrop: (client, { reason }) => this.#report(client, new Error(reason)),
      onClose: (client) => this.#closed(client),
    };
    hardenBroker(this);
    this.preConnect = (client, packet, done) =>
      void this.#preConnect(client, packet).then((error) => done(error, !error));
    this.authenticate = (client, _user, _password, done) => this.#authenticate(client, done);
    this.authorizeSubscribe = (client, subscription, done) => done(null, this.#granted(client, subscription));
    this.authorizePublish = (client, packet, done) => this.#publish(client, packet as unknown as IPublishPacket, done);
    this.authorizeForward = (client, packet) =>
      this.#forward(client, packet as unknown as AedesPacket) ? packet : null;
    this.on('clientReady', (client) => this.#ready(client));
    // What was published after its filters were stored, and before it heard of packets, is in its queue.
    this.on('subscribe', (_filters, client) => this.#stored.get(client.id)?.wake());
    this.on('clientError', (client, error) => this.#report(client, error));
    this.on('connectionError', (client, error) => this.#report(client, error));
    // Typed without it, but aedes emits store failures here; unheard, they would end the process.
    (this as unknown as NodeJS.EventEmitter).on('error', (error: unknown) => this.#failed(error));
  }

  /** Opens the sessions, and tells what was published before. */
  async start(): Promise<void> {
    await this.listen();
    const { publisher, sessions, now } = this.#parts;
    const fanOut = createFanOut({
      sessions,
      brokerId: this.id,
      nextCounter: () => this.#nextCounter(),
      emit: (packet) => this.#emit(packet),
      // Elsewhere there may be some.
      connected: () => (this.#parts.bus ? 1 : this.#open.size),
      now,
      keepMs: this.#options.maxSessionMs,
    });
    this.#parts.bus?.onGap(() => this.#lookAnew());
    this.#parts.bus?.subscribe(({ type }) => {
      if (type === 'app-look') this.#lookAnew();
    });
    this.#timer = setInterval(() => void this.#sweep(), 500);
    this.#timer.unref();
    await publisher.attach(fanOut);
  }

  /** What aedes tells itself ($SYS) has no listener, and what clients publish has its way by the publisher. */
  override publish(_packet: unknown, client: unknown, done?: unknown): void {
    const callback = typeof client === 'function' ? client : done;
    if (typeof callback === 'function') callback(null);
  }

  /** aedes keeps the time of MQTT 5 sessions only, and only while it runs. */
  scheduleSessionExpiry(client: Client): void {
    if (isTakenOver(this, client.id)) return;
    const { sessions } = this.#parts;
    const ended = client.sessionExpiryInterval === 0 ? sessions.cleanSubscriptions(client) : sessions.left(client);
    ended.catch((error: unknown) => this.#failed(error));
  }

  isFor({ username, password }: IConnectPacket): boolean {
    return username !== undefined && isAppLogin(username, password?.toString('utf8') ?? '');
  }

  /** Takes over a connection whose CONNECT is an app client's. */
  accept(conn: Duplex, address: string): void {
    const client = this.handle(conn as Parameters<Aedes['handle']>[0]);
    const connection = new AppConnection(address, this.#options.maxSubscriptions);
    connection.client = client;
    this.#connections.set(client, connection);
    this.#open.add(client);
    guardClient(client, connection, this.#guard);
  }

  /** Tells every client to move, then closes. */
  async shutDown(): Promise<void> {
    this.#draining = true;
    clearInterval(this.#timer);
    const told = [...this.#open];
    const gone = Promise.all(told.map(({ conn }) => new Promise((resolve) => conn.once('close', resolve))));
    for (const client of told) this.#end(client, reasonCodes.serverShuttingDown);
    await gone;
    await new Promise<void>((resolve) => this.close(() => resolve()));
  }

  get counts(): AppCounts {
    const { sessions } = this.#parts;
    const lost = this.#lost + sessions.lost;
    return { connections: this.#open.size, sessions: sessions.sessionCount, cut: this.#cut, lost };
  }

  /** Says why the connection must end unanswered. */
  async #preConnect(client: Client, packet: IConnectPacket): Promise<Error | null> {
    const connection = this.#connections.get(client);
    if (!connection) return new Error('unknown connection');
    const login = await this.#login(packet, connection.address);
    if (login.kind === 'refused' && login.reason === 'hang-up') return new Error('too many refused logins');
    connection.clientId = packet.clientId || `auto-${randomUUID()}`;
    if (login.kind === 'refused') {
      connection.refused = login.reason;
      packet.clientId = randomUUID();
    } else {
      connection.refused = this.#obstacle(packet, login, connection);
      packet.clientId = `${login.owner}/${connection.clientId}`;
    }
    const { maxKeepaliveS, defaultKeepaliveS } = this.#options;
    if (packet.protocolVersion !== 5) packet.keepalive = Math.min(packet.keepalive || defaultKeepaliveS, maxKeepaliveS);
    return null;
  }

  /** Why a client with a right key is not let in; undefined: it is. */
  #obstacle(packet: IConnectPacket, login: AppIdentity, connection: AppConnection): AppConnection['refused'] {
    connection.identity = login;
    const { maxConnections, maxSessions } = this.#options;
    if (packet.will && !connection.mayPublish(packet.will.topic)) return 'not-authorized';
    if (this.#open.size > maxConnections || this.#draining) return 'unavailable';
    const { sessions } = this.#parts;
    const lasting = packet.protocolVersion === 5 ? packet.properties?.sessionExpiryInterval : !packet.clean;
    const id = `${login.owner}/${connection.clientId}`;
    if (lasting && sessions.sessionCount >= maxSessions && !sessions.has(id)) return 'unavailable';
    return undefined;
  }

  async #login(packet: IConnectPacket, address: string): Promise<AppLogin> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<AppLogin>((resolve) => {
      timer = setTimeout(() => resolve({ kind: 'refused', reason: 'unavailable' }), this.#options.loginTimeoutMs);
    });
    const given = { userName: packet.username ?? '', password: packet.password?.toString('utf8') ?? '', address };
    const decided = (): void => clearTimeout(timer);
    try {
      return await Promise.race([this.#parts.logins.login({ ...given, decided }), late]);
    } catch (error) {
      this.#failed(error);
      return { kind: 'refused', reason: 'unavailable' };
    } finally {
      clearTimeout(timer);
    }
  }

  #authenticate(client: Client, done: (error: ConnectRefused | null, ok: boolean | null) => void): void {
    const connection = this.#connections.get(client);
    const refused = connection ? connection.refused : 'unavailable';
    if (connection && !refused) {
      if (connection.clientId.startsWith('auto-')) tellClientId(client, connection.clientId);
      done(null, true);
    } else done(new ConnectRefused(refused ?? 'unavailable', client.version), false);
  }

  #granted(client: Client, subscription: Subscription): Subscription | null {
    return this.#connections.get(client)?.maySubscribe(subscription.topic) ? subscription : null;
  }

  #ready(client: Client): void {
    const connection = this.#connections.get(client);
    if (!connection) return;
    const { sessions, now } = this.#parts;
    const memory = client.clean ? new MemoryQueue(this.#options.memoryQueue) : undefined;
    const outbound = new Outbound(client, memory ?? storedQueue(client, sessions), {
      now,
      onError: (error) => this.#failed(error),
      onLost: () => this.#lost++,
    });
    connection.delivery = { outbound, memory };
    if (memory) return;
    this.#stored.set(client.id, outbound);
    sessions.entered(client);
    outbound.wake();
  }

  #closed(client: Client): void {
    this.#open.delete(client);
    const outbound = this.#connections.get(client)?.delivery?.outbound;
    if (outbound && this.#stored.get(client.id) === outbound) this.#stored.delete(client.id);
  }

  #publish(client: Client | null, packet: IPublishPacket, done: (error?: Error | null) => void): void {
    const connection = client && this.#connections.get(client);
    if (!client || !connection || this.#draining) {
      done(new Error('no session'));
      return;
    }
    const refuse = (code: number): void =>
      finishPublish(client, packet, { kind: 'nack', code, v3: 'close', qos0: 'ignore' }, done);
    if (!connection.mayPublish(packet.topic)) {
      refuse(reasonCodes.notAuthorized);
      return;
    }
    if (!this.#limits.take(connection.identity?.owner ?? '', performance.now())) {
      refuse(reasonCodes.quotaExceeded);
      return;
    }
    const { publisher, now } = this.#parts;
    const handed = publisher.hand(toPublication(packet, client.id, now()));
    if (!handed) {
      refuse(reasonCodes.quotaExceeded);
      return;
    }
    Promise.resolve(handed.stored).then(
      () => {
        finishPublish(client, packet, { kind: 'ack' }, done);
        void handed.send();
      },
      (error: unknown) => {
        this.#failed(error);
        handed.drop();
        finishPublish(client, packet, { kind: 'close', code: reasonCodes.implementationSpecific }, done);
      },
    );
  }

  /** Whether aedes is to write it to the client at once: QoS 0, while the client keeps up. */
  #forward(client: Client, packet: AedesPacket): boolean {
    const delivery = this.#connections.get(client)?.delivery;
    if (!delivery || !client.connected) return false;
    if (packet.qos > 0 && (grantedQos(client, packet.topic) ?? 0) > 0) {
      this.#queue(client, delivery, packet);
      return false;
    }
    if (pendingBytes(client) > this.#options.maxPendingBytes) {
      this.#cutOff(client);
      return false;
    }
    if (!tooLarge(client, packet)) return true;
    this.#lost++;
    return false;
  }

  #queue(client: Client, { outbound, memory }: Delivery, packet: AedesPacket): void {
    const retained = !packet.brokerId;
    const own: AedesPacket = retained
      ? { ...packet, brokerId: `${this.id}${FROM_RETAINED}`, brokerCounter: this.#nextCounter() }
      : packet;
    if (memory) {
      if (memory.add(own)) outbound.wake();
      else this.#cutOff(client);
    } else if (retained) {
      this.#parts.sessions.outgoingEnqueue({ clientId: client.id }, own).then(
        () => outbound.wake(),
        (error: unknown) => this.#failed(error),
      );
    } else outbound.wake(); // it is in the stored queue already
  }

  /** A client that does not keep up: what is stored for it waits, and nobody else does. */
  #cutOff(client: Client): void {
    if (client.closed) return;
    this.#cut++;
    this.#report(client, new Error('it does not read what it has subscribed to'));
    disconnectClient(client, reasonCodes.quotaExceeded);
  }

  /** Word of other brokers was lost: of subscriptions, or of what is in queues. */
  #lookAnew(): void {
    this.#parts.sessions.reload().catch((error: unknown) => this.#failed(error));
    for (const outbound of this.#stored.values()) outbound.wake();
  }

  /** Ends who has no valid key any more, and what has expired. */
  async #sweep(): Promise<void> {
    const { sessions, logins } = this.#parts;
    if (this.#sweeping || (this.#open.size === 0 && sessions.sessionCount === 0)) return;
    this.#sweeping = true;
    try {
      const owners = await logins.owners();
      this.#limits.keep(owners);
      for (const client of [...this.#open]) {
        const owner = this.#connections.get(client)?.identity?.owner;
        if (owner !== undefined && !owners.has(owner)) this.#end(client, reasonCodes.administrativeAction);
      }
      await sessions.sweep(this.#parts.now(), (id) => owners.has(ownerOf(id)));
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#sweeping = false;
    }
  }

  #end(client: Client, reasonCode: number): void {
    forgetWill(client);
    disconnectClient(client, reasonCode);
  }

  #emit(packet: AedesPacket): void {
    try {
      emitPacket(this, packet);
    } catch (error) {
      this.#failed(error);
    }
  }

  #nextCounter(): number {
    return nextCounter(this);
  }

  #failed(error: unknown): void {
    this.#parts.log.error({ event: 'app.engine', err: error }, 'something of app clients failed');
  }

  #report(client: Client, error: Error): void {
    const connection = this.#connections.get(client);
    const { address, identity } = connection ?? {};
    const facts = { event: 'app.closed', address, key: identity?.owner, client: connection?.clientId };
    this.#parts.log.info({ ...facts, reason: error.message }, 'connection of an app client ended');
  }
}

const ownerOf = (sessionId: string): string => sessionId.slice(0, sessionId.indexOf('/'));
