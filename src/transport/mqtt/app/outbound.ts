import type { Client } from 'aedes';
import type { IPublishPacket } from 'mqtt-packet';
import { filterCovers } from '../../../model/app-topic.ts';
import { nextMessageId, writePacket } from '../downlink.ts';
import { type GrantedFilter, subscriptionsOf, whenDrained } from './aedes-app.ts';
import { type AedesPacket, packetKey } from './persistence.ts';

/** Where a client's QoS 1 messages wait until it has acknowledged them. */
export interface OutboundQueue {
  /** The oldest ones, also those under way; about `limit`. */
  first(limit: number): Promise<readonly AedesPacket[]>;
  /** It was written to the client, with this message id. */
  sent(packet: AedesPacket, messageId: number): Promise<void>;
  /** It is acknowledged, or nobody wants it. */
  done(packet: AedesPacket, messageId: number | undefined): Promise<void>;
}

export interface OutboundOptions {
  readonly now: () => number;
  readonly onError: (error: unknown) => void;
  /** A message went: too old, or too large for its client. */
  readonly onLost: () => void;
}

/** Messages of one client that may be under way at a time. */
const WINDOW = 100;

/** Brings a client its QoS 1 messages in order, as many at a time as it takes, and again after a reconnect. */
export class Outbound {
  readonly #client: Client;
  readonly #queue: OutboundQueue;
  readonly #options: OutboundOptions;
  readonly #byMessageId = new Map<number, AedesPacket>();
  readonly #underWay = new Set<string>();
  /** Done since the queue was last asked: its answer may still have them. */
  readonly #finished = new Set<string>();
  #running: 'no' | 'yes' | 'again' = 'no';
  #blocked = false;

  constructor(client: Client, queue: OutboundQueue, options: OutboundOptions) {
    this.#client = client;
    this.#queue = queue;
    this.#options = options;
  }

  /** There may be something to send. */
  wake(): void {
    if (this.#running !== 'no') {
      this.#running = 'again';
      return;
    }
    this.#running = 'yes';
    this.#pump()
      .catch(this.#options.onError)
      .finally(() => {
        const again = this.#running === 'again';
        this.#running = 'no';
        if (again) this.wake();
      });
  }

  acknowledged(messageId: number): void {
    const packet = this.#byMessageId.get(messageId);
    if (!packet) return;
    this.#byMessageId.delete(messageId);
    this.#queue
      .done(packet, messageId)
      .catch(this.#options.onError)
      .finally(() => {
        this.#end(packet);
        if (this.#byMessageId.size <= this.#window / 2) this.wake();
      });
  }

  get #window(): number {
    return Math.min(WINDOW, this.#client.receiveMaximum);
  }

  async #pump(): Promise<void> {
    const room = this.#window - this.#byMessageId.size;
    if (room <= 0 || this.#blocked || !this.#client.connected) return;
    this.#finished.clear();
    const packets = await this.#queue.first(this.#underWay.size + room);
    for (const packet of packets) {
      const key = packetKey(packet);
      if (this.#underWay.has(key) || this.#finished.has(key)) continue;
      if (this.#byMessageId.size >= this.#window || !this.#client.connected) return;
      if (!this.#send(packet)) return;
    }
  }

  /** False when the client takes nothing now. */
  #send(packet: AedesPacket): boolean {
    const client = this.#client;
    const again = packet.messageId !== undefined && !this.#byMessageId.has(packet.messageId);
    const messageId = again ? packet.messageId : nextMessageId(client);
    if (messageId === undefined) return false;
    const leftS = remaining(packet, this.#options.now());
    const wire = wirePacket(client, packet, { messageId, again, leftS });
    if (leftS === 0 || tooLarge(client, wire)) {
      this.#options.onLost();
      this.#underWay.add(packetKey(packet));
      this.#queue
        .sent(packet, messageId)
        .then(() => this.#queue.done(packet, messageId))
        .catch(this.#options.onError)
        .finally(() => this.#end(packet));
      return true;
    }
    if (!writePacket(client, wire)) {
      this.#waitForRoom();
      return false;
    }
    if (client.conn.writableNeedDrain) this.#waitForRoom();
    this.#underWay.add(packetKey(packet));
    this.#byMessageId.set(messageId, packet);
    this.#queue.sent(packet, messageId).catch(this.#options.onError);
    return !this.#blocked;
  }

  #end(packet: AedesPacket): void {
    const key = packetKey(packet);
    this.#underWay.delete(key);
    this.#finished.add(key);
  }

  /** A client that takes nothing for long is closed. */
  #waitForRoom(): void {
    if (this.#blocked || !this.#client.conn.writableNeedDrain) return;
    this.#blocked = true;
    whenDrained(this.#client, () => {
      this.#blocked = false;
      this.wake();
    });
  }
}

/** QoS that a client has a topic with: the highest of its filters that match; undefined when none does. */
export function grantedQos(client: Client, topic: string): number | undefined {
  let most: number | undefined;
  for (const [filter, { qos }] of subscriptionsOf(client))
    if (filterCovers(filter, topic)) most = Math.max(most ?? 0, qos);
  return most;
}

/** Seconds for which a message is still wanted; undefined: for ever. */
function remaining({ messageExpiry }: AedesPacket, now: number): number | undefined {
  return messageExpiry === undefined ? undefined : Math.max(0, Math.ceil((messageExpiry - now) / 1_000));
}

/** Its bytes without what stands around topic, payload and properties are few. */
export function tooLarge(client: Client, { topic, payload }: { topic: string; payload: Buffer | string }): boolean {
  const most = client.maximumPacketSize;
  return most !== undefined && Buffer.byteLength(topic) + Buffer.byteLength(payload) + 16 > most;
}

/** Stands behind the broker's id in packets that were retained before the client subscribed. */
export const FROM_RETAINED = '~retained';

function wirePacket(
  client: Client,
  packet: AedesPacket,
  { messageId, again, leftS }: { messageId: number; again: boolean; leftS: number | undefined },
): IPublishPacket & { readonly messageId: number } {
  const filters = [...subscriptionsOf(client)].filter(([filter]) => filterCovers(filter, packet.topic));
  const granted: readonly GrantedFilter[] = filters.map(([, one]) => one);
  const fromRetained = packet.brokerId?.endsWith(FROM_RETAINED) === true;
  const identifiers = granted.flatMap(({ si }) => si ?? []);
  const properties = {
    ...packet.properties,
    // [MQTT-3.3.2-6]: what is left of what its publisher asked for.
    ...(packet.properties && 'messageExpiryInterval' in packet.properties ? { messageExpiryInterval: leftS ?? 0 } : {}),
    ...(identifiers.length === 0 ? {} : { subscriptionIdentifier: identifiers }),
  };
  return {
    cmd: 'publish',
    topic: packet.topic,
    payload: packet.payload,
    qos: 1,
    dup: again || packet.dup === true,
    retain: fromRetained || (packet.retain && granted.some(({ rap }) => rap)),
    messageId,
    ...(client.version === 5 && Object.keys(properties).length > 0 ? { properties } : {}),
  };
}
