import { Readable } from 'node:stream';
import { deserialize, serialize } from 'node:v8';
import memory from 'aedes-persistence/asyncPersistence.js';
import type { AppSession, AppSessionStore, AppSubscription } from '../../../app-clients/index.ts';
import { filterCovers } from '../../../model/app-topic.ts';
import {
  type AedesPacket,
  type AedesPersistence,
  type PersistenceBroker,
  packetKey,
  type SessionClient,
  type SessionKeeper,
  type SessionsOptions,
  type TopicSubscription,
} from './persistence.ts';

export interface StoredSessionsOptions extends SessionsOptions {
  readonly store: AppSessionStore;
}

const PAGE = 100;
const MemoryPersistence = memory as unknown as new () => AedesPersistence;

/** What is known of a session's queue: where its packets are that were read or written in this run. */
interface Places {
  readonly byKey: Map<string, number>;
  readonly byMessageId: Map<number, number>;
}

/**
 * Sessions of app clients in the store: subscriptions, queues and retained messages outlive the process. Subscriptions are held in
 * memory too, for matching; wills and open QoS 2 handshakes only there.
 */
export class StoredSessions extends MemoryPersistence implements SessionKeeper {
  readonly #options: StoredSessionsOptions;
  readonly #store: AppSessionStore;
  readonly #sessions = new Map<string, AppSession>();
  readonly #places = new Map<string, Places>();
  /** What is being taken out of queues: reads still find it until the commit. */
  readonly #taking = new Set<string>();
  readonly sharesPackets = false;
  lost = 0;

  constructor(options: StoredSessionsOptions) {
    super();
    this.#options = options;
    this.#store = options.store;
  }

  get sessionCount(): number {
    return this.#sessions.size;
  }

  has(id: string): boolean {
    return this.#sessions.has(id);
  }

  override async setup(broker: PersistenceBroker): Promise<void> {
    await super.setup(broker);
    for (const session of await this.#store.sessions()) {
      const { id, subscriptions } = session;
      // Its connection ended with the process.
      this.#sessions.set(id, { leftAt: this.#options.now(), ...session });
      await super.addSubscriptions({ id }, subscriptions);
    }
  }

  /** Nobody else writes here. */
  async reload(): Promise<void> {}

  override async addSubscriptions(client: SessionClient, added: readonly AppSubscription[]): Promise<void> {
    await super.addSubscriptions(client, added);
    const expiryMs = (client.sessionExpiryInterval ?? 0) * 1_000;
    const session = this.#sessions.get(client.id) ?? { id: client.id, expiryMs, subscriptions: [] };
    await this.#put({ ...session, expiryMs, subscriptions: await this.subscriptionsByClient(client) });
  }

  override async removeSubscriptions(client: SessionClient, topics: readonly string[]): Promise<void> {
    await super.removeSubscriptions(client, topics);
    const session = this.#sessions.get(client.id);
    if (session) await this.#put({ ...session, subscriptions: await this.subscriptionsByClient(client) });
  }

  /** The whole session goes, also its queue. */
  override async cleanSubscriptions(client: SessionClient): Promise<void> {
    await super.cleanSubscriptions(client);
    this.#places.delete(client.id);
    if (this.#sessions.delete(client.id)) await this.#store.remove(client.id);
  }

  matching(topic: string): readonly TopicSubscription[] {
    const found: TopicSubscription[] = [];
    for (const { id, subscriptions } of this.#sessions.values()) {
      const matches = subscriptions.filter((one) => one.qos > 0 && filterCovers(one.topic, topic));
      const [first] = matches;
      // Of several that match, one that takes its own publications decides.
      if (first) found.push({ ...(matches.find(({ nl }) => !nl) ?? first), clientId: id });
    }
    return found;
  }

  entered({ id }: SessionClient): void {
    const session = this.#sessions.get(id);
    if (!session) return;
    const { leftAt, ...rest } = session;
    if (leftAt !== undefined) this.#put(rest).catch(this.#options.onError);
  }

  async left({ id, sessionExpiryInterval }: SessionClient): Promise<void> {
    const session = this.#sessions.get(id);
    if (!session) return;
    const expiryMs = sessionExpiryInterval === undefined ? session.expiryMs : sessionExpiryInterval * 1_000;
    this.#places.delete(id);
    await this.#put({ ...session, expiryMs, leftAt: this.#options.now() });
  }

  async sweep(now: number, mayStay: (id: string) => boolean): Promise<void> {
    for (const { id, leftAt, expiryMs } of [...this.#sessions.values()]) {
      const expired = leftAt !== undefined && leftAt + expiryMs <= now;
      if (expired || !mayStay(id)) await this.cleanSubscriptions({ id });
    }
  }

  override outgoingEnqueue(subscription: { readonly clientId: string }, packet: AedesPacket): Promise<void> {
    return this.outgoingEnqueueCombi([subscription], packet);
  }

  override async outgoingEnqueueCombi(
    subscriptions: readonly { readonly clientId: string }[],
    packet: AedesPacket,
  ): Promise<void> {
    const ids = [...new Set(subscriptions.map(({ clientId }) => clientId))];
    if (ids.length === 0) return;
    this.lost += await this.#store.enqueue(
      ids,
      bytesOf({ ...kept(packet), messageId: undefined }),
      this.#options.queue,
    );
  }

  override async outgoingUpdate(client: SessionClient, packet: AedesPacket): Promise<void> {
    const places = this.#placesOf(client.id);
    const { messageId } = packet;
    const known =
      packet.brokerId === undefined ? places.byMessageId.get(messageId ?? 0) : places.byKey.get(packetKey(packet));
    const sequence = known ?? (await this.#find(client, packet));
    if (sequence === undefined) throw new Error('no such packet');
    if (messageId !== undefined) places.byMessageId.set(messageId, sequence);
    await this.#store.replace(client.id, { sequence, bytes: bytesOf(packet) });
  }

  override async outgoingClearMessageId(
    client: SessionClient,
    { messageId }: { readonly messageId?: number },
  ): Promise<AedesPacket | undefined> {
    const places = this.#placesOf(client.id);
    const sequence = messageId === undefined ? undefined : places.byMessageId.get(messageId);
    if (messageId === undefined || sequence === undefined) return undefined;
    places.byMessageId.delete(messageId);
    const taken = this.#take(client.id, sequence);
    const [stored] = await this.#store.queue(client.id, 1, sequence - 1);
    const packet = stored?.sequence === sequence ? packetOf(stored.bytes) : undefined;
    if (packet) places.byKey.delete(packetKey(packet));
    await taken;
    return packet;
  }

  take(client: SessionClient, _packet: AedesPacket, messageId: number): Promise<unknown> {
    return this.outgoingClearMessageId(client, { messageId });
  }

  override outgoingStream(client: SessionClient): Readable {
    return Readable.from(this.#queued(client));
  }

  override async storeRetained(packet: AedesPacket): Promise<void> {
    const empty = packet.payload.length === 0;
    const kept = await this.#store.retain(packet.topic, empty ? undefined : bytesOf(packet), this.#options.maxRetained);
    if (!kept) this.lost++;
  }

  override createRetainedStream(pattern: string): Readable {
    return this.createRetainedStreamCombi([pattern]);
  }

  override createRetainedStreamCombi(patterns: readonly string[]): Readable {
    return Readable.from(this.#retained(patterns));
  }

  async *#retained(patterns: readonly string[]): AsyncGenerator<AedesPacket> {
    for (const [at, pattern] of patterns.entries()) {
      const before = patterns.slice(0, at);
      const wildcard = pattern.search(/[+#]/);
      // `a/#` has `a` too.
      const prefix = wildcard < 0 ? pattern : pattern.slice(0, Math.max(0, wildcard - 1));
      let after: string | undefined;
      for (;;) {
        const page = await this.#store.retained(prefix, PAGE, after);
        for (const { topic, bytes } of page) {
          if (!filterCovers(pattern, topic) || before.some((one) => filterCovers(one, topic))) continue;
          const packet = packetOf(bytes);
          if (packet.messageExpiry === undefined || packet.messageExpiry > this.#options.now()) yield packet;
        }
        after = page.at(-1)?.topic;
        if (page.length < PAGE) break;
      }
    }
  }

  async *#queued(client: SessionClient): AsyncGenerator<AedesPacket> {
    let after = -1;
    for (;;) {
      const page = await this.#store.queue(client.id, PAGE, after);
      for (const { sequence, bytes } of page) {
        after = sequence;
        if (this.#taking.has(`${sequence}/${client.id}`)) continue;
        const packet = packetOf(bytes);
        const places = this.#placesOf(client.id);
        places.byKey.set(packetKey(packet), sequence);
        if (packet.messageId !== undefined) places.byMessageId.set(packet.messageId, sequence);
        yield packet;
      }
      if (page.length < PAGE) return;
    }
  }

  async #take(id: string, sequence: number): Promise<void> {
    const place = `${sequence}/${id}`;
    this.#taking.add(place);
    try {
      await this.#store.take(id, sequence);
    } finally {
      this.#taking.delete(place);
    }
  }

  async #find(client: SessionClient, packet: AedesPacket): Promise<number | undefined> {
    const wanted = packetKey(packet);
    for await (const one of this.#queued(client)) if (packetKey(one) === wanted) break;
    return this.#placesOf(client.id).byKey.get(wanted);
  }

  #placesOf(id: string): Places {
    const known = this.#places.get(id);
    if (known) return known;
    const places = { byKey: new Map<string, number>(), byMessageId: new Map<number, number>() };
    this.#places.set(id, places);
    return places;
  }

  async #put(session: AppSession): Promise<void> {
    this.#sessions.set(session.id, session);
    await this.#store.put(session);
  }
}

const bytesOf = (packet: AedesPacket): Buffer => serialize({ ...packet });

/** What a packet is besides how it came. */
function kept({ cmd, brokerId, brokerCounter, topic, payload, qos, retain, ...rest }: AedesPacket): AedesPacket {
  const { dup = false, clientId, messageExpiry, properties } = rest;
  return {
    cmd,
    brokerId,
    brokerCounter,
    topic,
    payload,
    qos,
    retain,
    dup,
    ...(clientId === undefined ? {} : { clientId }),
    ...(messageExpiry === undefined ? {} : { messageExpiry }),
    ...(properties === undefined ? {} : { properties }),
  };
}

function packetOf(bytes: Buffer): AedesPacket {
  const packet = deserialize(bytes) as AedesPacket;
  // It is a plain byte array otherwise.
  return packet.payload instanceof Uint8Array ? { ...packet, payload: Buffer.from(packet.payload) } : packet;
}
