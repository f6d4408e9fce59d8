import { Readable } from 'node:stream';
import { deserialize, serialize } from 'node:v8';
import redis from 'aedes-persistence-redis/asyncPersistence.js';
import type { AppSubscription } from '../../../app-clients/index.ts';
import { filterCovers } from '../../../model/app-topic.ts';
import type {
  AedesPacket,
  AedesPersistence,
  PersistenceBroker,
  SessionClient,
  SessionKeeper,
  SessionsOptions,
  TopicSubscription,
} from './persistence.ts';

import { createRedisQueues, type QueueRedis, type RedisQueues } from './redis-queues.ts';

/** What we ask of an ioredis client beside what the library does. */
export interface AppRedis extends QueueRedis {
  hget(key: string, field: string): Promise<string | null>;
  hgetBuffer(key: string, field: string): Promise<Buffer | null>;
  hset(key: string, field: string, value: Buffer): Promise<unknown>;
  hdel(key: string, field: string): Promise<unknown>;
  hlen(key: string): Promise<number>;
  hexists(key: string, field: string): Promise<number>;
  smembers(key: string): Promise<string[]>;
  zadd(key: string, score: number, member: string): Promise<unknown>;
  zrem(key: string, member: string): Promise<unknown>;
  zscore(key: string, member: string): Promise<string | null>;
  zrangebyscore(key: string, min: string, max: number, limit: 'LIMIT', from: number, count: number): Promise<string[]>;
  zrangebylex(key: string, min: string, max: string, limit: 'LIMIT', from: number, count: number): Promise<string[]>;
}

export interface RedisSessionsOptions extends SessionsOptions {
  readonly conn: AppRedis;
  /** Of a Cluster. */
  readonly clustered: boolean;
  /** Messages of a queue that are read at a time. */
  readonly perDelivery?: number;
}

const RedisPersistence = redis as unknown as new (options: object) => AedesPersistence;

/** Sorted set: session -> when it ends. */
export const EXPIRY = 'session-expiry';
/** Hash: topic -> packet; sorted set of its topics. */
export const RETAINED = '{retained}:packets';
export const TOPICS = '{retained}:topics';
export const CLIENTS = 'clients';
const CHANGES = '$SYS/sub/+';
const ADDED = '$SYS/sub/add';
const PAGE = 100;
/** A connected session ends so long after its broker has died, at least. */
const GRACE_MS = 120_000;
const REFRESH_MS = 30_000;

/**
 * Sessions of app clients in Redis, shared by all brokers: aedes-persistence-redis with its gaps closed. Everything it writes
 * expires, queues are bounded, retained messages are found on a Cluster too, and every broker knows who has subscribed.
 */
export class RedisSessions extends RedisPersistence implements SessionKeeper {
  readonly sharesPackets = true;
  readonly #options: RedisSessionsOptions;
  readonly #subscriptions = new Map<string, Map<string, AppSubscription>>();
  readonly #queues: RedisQueues;
  readonly #connected = new Map<string, number>();
  #refreshed = 0;
  lost = 0;

  constructor(options: RedisSessionsOptions) {
    const ttlS = Math.ceil(options.maxSessionMs / 1_000);
    super({
      conn: options.conn,
      cluster: options.clustered,
      packetTTL: () => ttlS,
      maxSessionDelivery: options.perDelivery ?? 2 * PAGE,
    });
    this.#options = options;
    this.#queues = createRedisQueues(options.conn, options.queue, ttlS);
  }

  get sessionCount(): number {
    return this.#subscriptions.size;
  }

  has(id: string): boolean {
    return this.#subscriptions.has(id);
  }

  override async setup(broker: PersistenceBroker): Promise<void> {
    // First heard of, then read: a change in between is seen by the one or the other.
    broker.subscribe?.(CHANGES, (packet, done) => {
      this.#changed(packet);
      done();
    });
    await super.setup(broker);
    await this.reload();
  }

  /** Reads anew who has subscribed: changes may have been missed. */
  async reload(): Promise<void> {
    const ids = await this.#options.conn.smembers(CLIENTS);
    const found = await Promise.all(ids.map(async (id) => [id, await this.subscriptionsByClient({ id })] as const));
    const known = new Set(ids);
    for (const id of this.#subscriptions.keys()) if (!known.has(id)) this.#subscriptions.delete(id);
    for (const [id, all] of found) this.#subscriptions.set(id, new Map(all.map((one) => [one.topic, one])));
  }

  override async addSubscriptions(client: SessionClient, added: readonly AppSubscription[]): Promise<void> {
    await super.addSubscriptions(client, added);
    await this.#touch(client.id, this.#expiryMs(client));
  }

  /** The whole session goes, also its queue. */
  override async cleanSubscriptions(client: SessionClient): Promise<void> {
    // First: the library removes the list, and leaves what is in it.
    await this.#queues.clear(client.id);
    await super.cleanSubscriptions(client);
    await this.#options.conn.zrem(EXPIRY, client.id);
  }

  matching(topic: string): readonly TopicSubscription[] {
    const found: TopicSubscription[] = [];
    for (const [clientId, all] of this.#subscriptions) {
      const matches = [...all.values()].filter((one) => one.qos > 0 && filterCovers(one.topic, topic));
      const [first] = matches;
      if (first) found.push({ ...(matches.find(({ nl }) => !nl) ?? first), clientId });
    }
    return found;
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
    await super.outgoingEnqueueCombi(
      ids.map((clientId) => ({ clientId })),
      packet,
    );
    const gone = await Promise.all(ids.map((id) => this.#queues.added(id, packet)));
    this.lost += gone.reduce((sum, lost) => sum + lost, 0);
  }

  override async outgoingUpdate(client: SessionClient, packet: AedesPacket): Promise<void> {
    await super.outgoingUpdate(client, packet);
    await this.#queues.noted(packet);
  }

  override async outgoingClearMessageId(
    client: SessionClient,
    id: { readonly messageId?: number },
  ): Promise<AedesPacket | undefined> {
    const packet = (await super.outgoingClearMessageId(client, id)) as AedesPacket | undefined;
    if (packet) await this.#queues.taken(client.id, packet);
    return packet;
  }

  take(client: SessionClient, packet: AedesPacket): Promise<unknown> {
    return this.#queues.take(client.id, packet);
  }

  override outgoingStream(client: SessionClient): Readable {
    return Readable.from(super.outgoingStream(client));
  }

  override async storeRetained(packet: AedesPacket): Promise<void> {
    const { conn, maxRetained } = this.#options;
    const { topic } = packet;
    if (packet.payload.length === 0) {
      await conn.zrem(TOPICS, topic);
      await conn.hdel(RETAINED, topic);
      return;
    }
    if ((await conn.hlen(RETAINED)) >= maxRetained && (await conn.hexists(RETAINED, topic)) === 0) {
      this.lost++;
      return;
    }
    await conn.hset(RETAINED, topic, serialize({ ...packet }));
    await conn.zadd(TOPICS, 0, topic);
  }

  override createRetainedStream(pattern: string): Readable {
    return this.createRetainedStreamCombi([pattern]);
  }

  override createRetainedStreamCombi(patterns: readonly string[]): Readable {
    return Readable.from(this.#retained(patterns));
  }

  async *#retained(patterns: readonly string[]): AsyncGenerator<AedesPacket> {
    const { conn, now } = this.#options;
    for (const [at, pattern] of patterns.entries()) {
      const before = patterns.slice(0, at);
      const wildcard = pattern.search(/[+#]/);
      const prefix = wildcard < 0 ? pattern : pattern.slice(0, Math.max(0, wildcard - 1));
      let from = `[${prefix}`;
      for (;;) {
        const topics = await conn.zrangebylex(TOPICS, from, `[${prefix}\u{10ffff}`, 'LIMIT', 0, PAGE);
        for (const topic of topics) {
          if (!filterCovers(pattern, topic) || before.some((one) => filterCovers(one, topic))) continue;
          const bytes = await conn.hgetBuffer(RETAINED, topic);
          const packet = bytes === null ? undefined : packetOf(bytes);
          if (packet && (packet.messageExpiry === undefined || packet.messageExpiry > now())) yield packet;
        }
        if (topics.length < PAGE) break;
        from = `(${topics.at(-1)}`;
      }
    }
  }

  entered(client: SessionClient): void {
    if (!this.has(client.id)) return;
    const expiryMs = this.#expiryMs(client);
    this.#connected.set(client.id, expiryMs);
    this.#touch(client.id, expiryMs).catch(this.#options.onError);
  }

  async left(client: SessionClient): Promise<void> {
    this.#connected.delete(client.id);
    if (this.has(client.id)) await this.#touch(client.id, this.#expiryMs(client), 0);
  }

  async sweep(now: number, mayStay: (id: string) => boolean): Promise<void> {
    for (const id of [...this.#subscriptions.keys()]) if (!mayStay(id)) await this.cleanSubscriptions({ id });
    if (now - this.#refreshed < REFRESH_MS) return;
    this.#refreshed = now;
    await Promise.all([...this.#connected].map(([id, expiryMs]) => this.#touch(id, expiryMs)));
    const expired = await this.#options.conn.zrangebyscore(EXPIRY, '-inf', now, 'LIMIT', 0, PAGE);
    for (const id of expired) await this.cleanSubscriptions({ id });
  }

  #expiryMs({ sessionExpiryInterval }: SessionClient): number {
    return sessionExpiryInterval === undefined ? this.#options.maxSessionMs : sessionExpiryInterval * 1_000;
  }

  async #touch(id: string, expiryMs: number, graceMs = GRACE_MS): Promise<void> {
    await this.#options.conn.zadd(EXPIRY, this.#options.now() + expiryMs + graceMs, id);
  }

  #changed(packet: { readonly topic: string; readonly payload?: unknown }): void {
    try {
      const change = JSON.parse(String(packet.payload)) as { clientId: string; subs: readonly AppSubscription[] };
      const all = this.#subscriptions.get(change.clientId) ?? new Map<string, AppSubscription>();
      for (const one of change.subs) {
        if (packet.topic === ADDED) all.set(one.topic, one);
        else all.delete(one.topic);
      }
      if (all.size > 0) this.#subscriptions.set(change.clientId, all);
      else this.#subscriptions.delete(change.clientId);
    } catch (error) {
      this.#options.onError(error);
    }
  }
}

function packetOf(bytes: Buffer): AedesPacket {
  const packet = deserialize(bytes) as AedesPacket;
  return packet.payload instanceof Uint8Array ? { ...packet, payload: Buffer.from(packet.payload) } : packet;
}
