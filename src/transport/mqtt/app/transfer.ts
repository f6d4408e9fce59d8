import { createHash } from 'node:crypto';
import { deserialize, serialize } from 'node:v8';
import type { AppSection, AppSubscription, Sections } from '../../../app-clients/index.ts';
import type { AedesPacket, PersistenceBroker } from './persistence.ts';
import { type AppRedis, CLIENTS, EXPIRY, RETAINED, RedisSessions, TOPICS } from './redis-sessions.ts';

type AppSections = Pick<Sections, AppSection>;

export interface AppPlace {
  readonly conn: AppRedis;
  readonly clustered: boolean;
  /** How long a message waits for its session, ms. */
  readonly sessionMs: number;
}

const PAGE = 500;
const EVERYTHING = Number.MAX_SAFE_INTEGER;
/** Sessions are read and written without a broker: only the library itself hears of its changes, for which it waits. */
function nobody(): PersistenceBroker {
  const listeners: Parameters<NonNullable<PersistenceBroker['subscribe']>>[1][] = [];
  return {
    id: 'move',
    publish(packet, done) {
      for (const listener of listeners) listener(packet, () => undefined);
      done();
    },
    subscribe(_, listener, done) {
      listeners.push(listener);
      done?.();
    },
    unsubscribe: (_, __, done) => done?.(),
  };
}

/** Sessions and retained messages of the app clients in a Redis. */
export async function redisAppSections({ conn, clustered, sessionMs }: AppPlace): Promise<AppSections> {
  const sessions = new RedisSessions({
    conn,
    clustered,
    now: () => Date.now(),
    queue: { maxMessages: EVERYTHING, maxBytes: EVERYTHING },
    maxRetained: EVERYTHING,
    maxSessionMs: sessionMs,
    perDelivery: EVERYTHING,
    onError: (error) => {
      throw error;
    },
  });
  await sessions.setup(nobody());
  return {
    appSessions: {
      async *items() {
        for (const id of (await conn.smembers(CLIENTS)).toSorted()) {
          const packets: string[] = [];
          for await (const packet of sessions.outgoingStream({ id })) {
            if (packet.cmd === 'publish') packets.push(textOf(packet));
          }
          const subscriptions = await sessions.subscriptionsByClient({ id });
          if (subscriptions.length === 0) continue;
          const endsAt = Number((await conn.zscore(EXPIRY, id)) ?? Date.now());
          yield { session: { id, expiryMs: endsAt, leftAt: 0, subscriptions: inOrder(subscriptions) }, queue: packets };
        }
      },
      async put(items) {
        for (const { session, queue } of items) {
          const { id, subscriptions, expiryMs, leftAt = 0 } = session;
          await sessions.cleanSubscriptions({ id });
          await sessions.addSubscriptions({ id }, subscriptions);
          await conn.zadd(EXPIRY, leftAt + expiryMs, id);
          for (const packet of packetsOf(id, queue)) await sessions.outgoingEnqueue({ clientId: id }, packet);
        }
      },
    },
    appRetained: {
      items: () => retained(conn),
      async put(items) {
        for (const { topic, bytes } of items) {
          await conn.hset(RETAINED, topic, Buffer.from(bytes, 'base64'));
          await conn.zadd(TOPICS, 0, topic);
        }
      },
    },
  };
}

/** The same of a store that keeps them itself, in the form that they have on their way. */
export function appSectionsOfStore({ appSessions, appRetained }: Partial<AppSections>): AppSections {
  if (appSessions === undefined || appRetained === undefined)
    throw new Error('the store has no sessions of app clients');
  const now = Date.now();
  return {
    appRetained,
    appSessions: {
      async *items() {
        for await (const { session, queue } of appSessions.items()) {
          const { id, subscriptions, expiryMs, leftAt = now } = session;
          // Elsewhere a session ends with its last subscription.
          if (subscriptions.length === 0) continue;
          const packets = queue.map((text) => packetOf(text)).filter(({ cmd }) => cmd === 'publish');
          yield {
            session: { id, expiryMs: leftAt + expiryMs, leftAt: 0, subscriptions: inOrder(subscriptions) },
            queue: packets.map(textOf),
          };
        }
      },
      put: (items, at) =>
        appSessions.put(
          items.map(({ session, queue }) => ({
            session: { ...session, leftAt: now, expiryMs: (session.leftAt ?? 0) + session.expiryMs - now },
            queue: packetsOf(session.id, queue).map((packet) => serialize({ ...packet }).toString('base64')),
          })),
          at,
        ),
    },
  };
}

async function* retained(conn: AppRedis): AsyncGenerator<{ readonly topic: string; readonly bytes: string }> {
  for (let from = '-'; ; ) {
    const topics = await conn.zrangebylex(TOPICS, from, '+', 'LIMIT', 0, PAGE);
    for (const topic of topics) {
      const bytes = await conn.hgetBuffer(RETAINED, topic);
      if (bytes !== null) yield { topic, bytes: bytes.toString('base64') };
    }
    if (topics.length < PAGE) return;
    from = `(${topics.at(-1)}`;
  }
}

const inOrder = (subscriptions: readonly AppSubscription[]): readonly AppSubscription[] =>
  [...subscriptions].sort((a, b) => (a.topic < b.topic ? -1 : 1));

/** A packet without what says how it came, or that it has been sent. */
function textOf({ cmd, topic, payload, qos, retain, clientId, messageExpiry, properties }: AedesPacket): string {
  const packet = {
    cmd,
    topic,
    payload: Buffer.from(payload).toString('base64'),
    qos,
    retain,
    ...(clientId == null ? {} : { clientId }),
    ...(messageExpiry == null ? {} : { messageExpiry }),
    ...(properties == null ? {} : { properties: withTexts(properties) }),
  };
  return JSON.stringify(packet);
}

/** The packets of a session; each gets a name of its own, since sessions share none. */
function packetsOf(id: string, queue: readonly string[]): readonly AedesPacket[] {
  const brokerId = `moved-${createHash('sha256').update(id, 'utf8').digest('base64url').slice(0, 16)}`;
  return queue.map((text, at) => {
    const { payload, properties, ...rest } = JSON.parse(text) as AedesPacket;
    return {
      ...rest,
      payload: Buffer.from(String(payload), 'base64'),
      ...(properties === undefined ? {} : { properties: withBytes(properties) }),
      dup: false,
      brokerId,
      brokerCounter: at + 1,
    };
  });
}

/** Bytes among the properties of MQTT 5 as texts, and back. User properties are texts anyway. */
const withTexts = (properties: object): object =>
  mapped(properties, (value) =>
    value instanceof Uint8Array ? { base64: Buffer.from(value).toString('base64') } : value,
  );
const withBytes = (properties: object): object =>
  mapped(properties, (value) => {
    const bytes = (value as { base64?: unknown } | null)?.base64;
    return typeof bytes === 'string' ? Buffer.from(bytes, 'base64') : value;
  });

const mapped = (properties: object, turn: (value: unknown) => unknown): object =>
  Object.fromEntries(
    Object.entries(properties).map(([name, value]) => [name, name === 'userProperties' ? value : turn(value)]),
  );

const packetOf = (text: string): AedesPacket => deserialize(Buffer.from(text, 'base64')) as AedesPacket;
