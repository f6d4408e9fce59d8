import type { AppSink } from '../../../app-clients/index.ts';
import type { Publication } from '../../../model/publication.ts';
import type { AedesPacket, SessionKeeper } from './persistence.ts';

export interface FanOutParts {
  readonly sessions: SessionKeeper;
  /** Identity of packets: of this start of the broker. */
  readonly brokerId: string;
  readonly nextCounter: () => number;
  /** Hands a packet to those who are connected. */
  readonly emit: (packet: AedesPacket) => void;
  readonly connected: () => number;
  readonly now: () => number;
  /** Longest time that a message waits for a session, ms. */
  readonly keepMs: number;
}

/**
 * Puts publications into the queues of stored sessions, and then hands them to connected clients in the order they came: many are
 * stored at a time, none overtakes another.
 */
export function createFanOut(parts: FanOutParts): AppSink {
  const { sessions, now } = parts;
  let tail: Promise<void> = Promise.resolve();

  /** Without a pause between looking for sessions and asking for the write: a session that ends meanwhile leaves nothing. */
  const store = (packet: AedesPacket, clientId: string | undefined): Promise<unknown> | undefined => {
    const writes: Promise<unknown>[] = [];
    if (packet.retain) writes.push(sessions.storeRetained(packet));
    if (packet.qos > 0) {
      const to = sessions.matching(packet.topic).filter((one) => !(one.nl && one.clientId === clientId));
      if (to.length > 0) writes.push(sessions.outgoingEnqueueCombi(to, packet));
    }
    return writes.length === 0 ? undefined : Promise.all(writes);
  };

  return {
    get hasClients() {
      return parts.connected() > 0;
    },
    keeps: (topic) => sessions.matching(topic).length > 0,
    deliver(publication) {
      const packet = toPacket(publication, parts);
      if (packet === undefined) return Promise.resolve();
      const stored = store(packet, publication.clientId);
      const before = tail;
      const told = (async () => {
        await stored?.catch(() => undefined); // who asked hears of it
        await before;
        parts.emit(packet);
      })();
      tail = told;
      return stored === undefined ? told : stored.then(() => told);
    },
  };

  function toPacket(publication: Publication, { brokerId, nextCounter, keepMs }: FanOutParts): AedesPacket | undefined {
    const { topic, payload, qos, retain, clientId, properties, expiresAt } = publication;
    if (expiresAt !== undefined && expiresAt <= now()) return undefined;
    // A retained one stays until another takes its place.
    const messageExpiry = expiresAt ?? (retain ? undefined : now() + keepMs);
    const leftS = expiresAt === undefined ? undefined : Math.ceil((expiresAt - now()) / 1_000);
    const wire = leftS === undefined ? properties : { ...properties, messageExpiryInterval: leftS };
    return {
      cmd: 'publish',
      brokerId,
      brokerCounter: nextCounter(),
      topic,
      payload,
      qos,
      retain,
      dup: false,
      ...(messageExpiry === undefined ? {} : { messageExpiry }),
      ...(clientId === undefined ? {} : { clientId }),
      ...(wire === undefined ? {} : { properties: wire }),
    };
  }
}
