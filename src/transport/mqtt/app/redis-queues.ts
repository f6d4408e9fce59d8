import type { QueueLimits } from '../../../app-clients/index.ts';
import { type AedesPacket, packetKey } from './persistence.ts';

/** What bounding queues asks of an ioredis client. */
export interface QueueRedis {
  llen(key: string): Promise<number>;
  lpop(key: string, count: number): Promise<string[] | null>;
  lrem(key: string, count: number, element: string): Promise<number>;
  exists(key: string): Promise<number>;
  lrange(key: string, from: number, to: number): Promise<string[]>;
  strlen(key: string): Promise<number>;
  set(key: string, value: number, expiry: 'EX', seconds: number): Promise<unknown>;
  incrby(key: string, by: number): Promise<number>;
  expire(key: string, seconds: number): Promise<unknown>;
  decr(key: string): Promise<number>;
  del(...keys: string[]): Promise<unknown>;
}

/** Queues of sessions as aedes-persistence-redis keeps them: a list of packet keys; each packet counts the lists that have it. */
export interface RedisQueues {
  /** Call when a packet was added; gives how many messages went because the queue was full. */
  added(id: string, packet: AedesPacket): Promise<number>;
  /** Call when the library has noted that a packet was sent: the note of one that was taken out meanwhile made it anew. */
  noted(packet: AedesPacket): Promise<void>;
  /** Takes a packet out, whoever else may do so at the same time. */
  take(id: string, packet: AedesPacket): Promise<void>;
  /** Call when the library has taken a packet out. */
  taken(id: string, packet: AedesPacket): Promise<void>;
  /** Removes the queue, and packets that no other has. */
  clear(id: string): Promise<void>;
}

const PAGE = 500;
/** A packet in Redis beside its topic and payload, bytes. */
const OVERHEAD = 200;
/** Of a queue that is too large so much stays: the next message does not find it too large again. */
const KEPT = 0.9;

const queueOf = (id: string): string => `outgoing:${encodeURIComponent(id)}`;
/** About what the queue holds, bytes: never less, and counted anew when that is too much. */
const fillOf = (id: string): string => `queued:${encodeURIComponent(id)}`;
const keyOf = (packet: AedesPacket): string => `packet:${packetKey(packet)}`;
/** How many queues have a packet. */
const countOf = (key: string): string => `${key}:offlineCount`;
const sizeOf = ({ topic, payload }: AedesPacket): number =>
  Buffer.byteLength(topic) + Buffer.byteLength(payload) + OVERHEAD;

export function createRedisQueues(conn: QueueRedis, limits: QueueLimits, ttlS: number): RedisQueues {
  const { maxMessages, maxBytes } = limits;

  const release = async (key: string): Promise<void> => {
    const count = countOf(key);
    if ((await conn.decr(count)) > 0) return;
    // The count first: a note that still finds it comes before the packet goes.
    await conn.del(count);
    await conn.del(key);
  };

  /** The oldest ones go. */
  const drop = async (id: string, count: number): Promise<number> => {
    let gone = 0;
    while (gone < count) {
      const keys = (await conn.lpop(queueOf(id), Math.min(PAGE, count - gone))) ?? [];
      if (keys.length === 0) break;
      gone += keys.length;
      await Promise.all(keys.map(release));
    }
    return gone;
  };

  /** Bytes of each packet, oldest first. */
  const sizes = async (id: string): Promise<readonly number[]> => {
    const found: number[] = [];
    for (;;) {
      const keys = await conn.lrange(queueOf(id), found.length, found.length + PAGE - 1);
      found.push(...(await Promise.all(keys.map((key) => conn.strlen(key)))));
      if (keys.length < PAGE) return found;
    }
  };

  const dropBytes = async (id: string): Promise<number> => {
    const all = await sizes(id);
    let bytes = all.reduce((sum, size) => sum + size, 0);
    let over = 0;
    if (bytes > maxBytes) {
      // The newest one stays, however large it is.
      while (bytes > maxBytes * KEPT && over < all.length - 1) bytes -= all[over++] ?? 0;
    }
    const gone = await drop(id, over);
    await conn.set(fillOf(id), bytes, 'EX', ttlS);
    return gone;
  };

  const taken = async (id: string, packet: AedesPacket): Promise<void> => {
    const [bytes] = await Promise.all([conn.incrby(fillOf(id), -sizeOf(packet)), conn.expire(fillOf(id), ttlS)]);
    // It was counted before this was kept, or has expired meanwhile.
    if (bytes <= 0) await conn.del(fillOf(id));
  };

  return {
    async added(id, packet) {
      const [length, bytes] = await Promise.all([
        conn.llen(queueOf(id)),
        conn.incrby(fillOf(id), sizeOf(packet)),
        conn.expire(fillOf(id), ttlS),
      ]);
      const lost = length > maxMessages ? await drop(id, length - maxMessages) : 0;
      return bytes > maxBytes ? lost + (await dropBytes(id)) : lost;
    },
    async noted(packet) {
      const key = keyOf(packet);
      if ((await conn.exists(countOf(key))) === 0) await conn.del(key);
    },
    async take(id, packet) {
      const key = keyOf(packet);
      if ((await conn.lrem(queueOf(id), 1, key)) > 0) await Promise.all([release(key), taken(id, packet)]);
    },
    taken,
    async clear(id) {
      await drop(id, Number.POSITIVE_INFINITY);
      await conn.del(fillOf(id));
    },
  };
}
