import type { Client } from 'aedes';
import type { IPublishPacket, ISubscribePacket, IUnsubscribePacket, Packet, QoS } from 'mqtt-packet';
import { filterCovers } from '../../model/app-topic.ts';
import { disconnectClient, guardOf } from './aedes-private.ts';
import { nextMessageId, takesAcknowledged, writePacket } from './downlink.ts';
import { reasonCodes } from './reason-codes.ts';

/** What a publish ends in, for a front that speaks both versions (thingsboard-device-api 3.11). */
export type PublishVerdict =
  | { readonly kind: 'ack' }
  /** QoS 1 on MQTT 5: the code in the acknowledgement, the session stays; else `v3` says what 3.1.1 does. */
  | { readonly kind: 'nack'; readonly code: number; readonly v3: 'ack' | 'close'; readonly qos0: 'ignore' | 'close' }
  /** Acknowledged with the code (3.1.1: plainly), then the connection ends. */
  | { readonly kind: 'nack-and-close'; readonly code: number }
  /** Nothing is acknowledged, the session stays. */
  | { readonly kind: 'drop' }
  /** The connection ends without an acknowledgement. */
  | { readonly kind: 'close'; readonly code: number };

/** Calls aedes back; absent for the publishes that it has never seen. */
export type PublishDone = ((error?: Error | null) => void) | undefined;

/** Carries a verdict out. A plain acknowledgement is the guard's, of QoS 2 aedes'; one with a code is written here. */
export function finishPublish(
  client: Client,
  packet: IPublishPacket,
  verdict: PublishVerdict,
  done?: PublishDone,
): void {
  const v5 = client.version === 5;
  switch (verdict.kind) {
    case 'ack':
      // aedes keeps a QoS 2 packet until its PUBREL: without the payload, which is a slice of a whole read chunk.
      if (packet.qos === 2) packet.payload = '';
      through(client, packet, done);
      return;
    case 'nack':
      if (packet.qos === 0) {
        if (verdict.qos0 === 'ignore') through(client, packet, done);
        else end(client, packet, verdict.code, done);
      } else if (v5) {
        acknowledge(client, packet, verdict.code);
        through(client, packet, done);
      } else if (verdict.v3 === 'ack') through(client, packet, done);
      else end(client, packet, verdict.code, done);
      return;
    case 'nack-and-close':
      if (packet.qos > 0 && v5) acknowledge(client, packet, verdict.code);
      through(client, packet, done);
      // The acknowledgement is still corked in the socket: closing waits for the end of this turn.
      setImmediate(() => disconnectClient(client, verdict.code));
      return;
    case 'drop':
      packet.qos = 0;
      through(client, packet, done);
      return;
    case 'close':
      end(client, packet, verdict.code, done);
  }
}

function through(client: Client, packet: IPublishPacket, done: PublishDone): void {
  if (done) done(null);
  else guardOf(client)?.publishEnded(packet);
}

function end(client: Client, packet: IPublishPacket, code: number, done: PublishDone): void {
  packet.qos = 0; // nothing is acknowledged
  disconnectClient(client, code);
  through(client, packet, done);
}

/** PUBACK or PUBREC with a code; no plain one follows, since the packet counts as QoS 0 then. */
function acknowledge(client: Client, packet: IPublishPacket, reasonCode: number): void {
  const { messageId = 0 } = packet;
  const written = writePacket(client, { cmd: packet.qos === 2 ? 'pubrec' : 'puback', messageId, reasonCode });
  // A client that does not read its acknowledgements cannot be told: it would wait for this one for ever.
  if (!written) disconnectClient(client, reasonCodes.quotaExceeded);
  packet.qos = 0;
}

/**
 * Publishes to this one client, at QoS 0 while it has to acknowledge as many others as it takes. False when it does not
 * read, or takes no such packet: the message was dropped.
 */
export const sendTo = (client: Client, topic: string, payload: string | Buffer, qos: QoS): boolean =>
  sendAt(client, topic, payload, takesAcknowledged(client) ? qos : 0);

/** The same at just this QoS: false also when the client has to acknowledge others first. */
export function sendAt(client: Client, topic: string, payload: string | Buffer, qos: QoS): boolean {
  const packet: IPublishPacket = { cmd: 'publish', topic, payload, qos, dup: false, retain: false };
  if (qos === 0) return writePacket(client, packet);
  const messageId = nextMessageId(client);
  return messageId !== undefined && writePacket(client, { ...packet, messageId });
}

const MAX_SUBSCRIPTIONS = 100;

/** A connection's granted filters. Nothing is ever routed by them: they only steer what is pushed to this client. */
export class Subscriptions {
  #granted: Map<string, QoS> | undefined;

  /** Grants at most QoS 1; refused filters get 0x8F, beyond a rate limit 0x97, on 3.1.1 0x80 (thingsboard-device-api 3.1). */
  subscribe(packet: ISubscribePacket, version: number, mayHave: (filter: string) => boolean | 'rate-limited'): Packet {
    const all = this.#granted ?? new Map<string, QoS>();
    this.#granted = all;
    const refused = version === 5 ? reasonCodes.topicFilterInvalid : reasonCodes.unspecified;
    const granted = packet.subscriptions.map(({ topic, qos }) => {
      const full = all.size >= MAX_SUBSCRIPTIONS && !all.has(topic);
      const may = !full && mayHave(topic);
      if (may === 'rate-limited') return version === 5 ? reasonCodes.quotaExceeded : reasonCodes.unspecified;
      if (!may) return refused;
      const least: QoS = qos === 0 ? 0 : 1;
      all.set(topic, least);
      return least;
    });
    return { cmd: 'suback', messageId: packet.messageId ?? 0, granted };
  }

  unsubscribe(packet: IUnsubscribePacket): Packet {
    const granted = packet.unsubscriptions.map((topic) => (this.#granted?.delete(topic) ? 0x00 : 0x11));
    return { cmd: 'unsuback', messageId: packet.messageId ?? 0, granted };
  }

  /** QoS of the first granted filter of these; undefined when none is. */
  qosOf(...filters: readonly string[]): QoS | undefined {
    for (const filter of filters) {
      const qos = this.#granted?.get(filter);
      if (qos !== undefined) return qos;
    }
    return undefined;
  }

  /** The highest QoS of the granted filters that match a topic; undefined when none does. */
  qosFor(topic: string): QoS | undefined {
    let highest: QoS | undefined;
    for (const [filter, qos] of this.#granted ?? []) {
      if (filterCovers(filter, topic)) highest = highest === 1 ? 1 : qos;
    }
    return highest;
  }
}
