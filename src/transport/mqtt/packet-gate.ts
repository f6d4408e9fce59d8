import type { IConnectPacket, Packet } from 'mqtt-packet';
import type { ClientPacket, ProtocolVersion } from './packet-decoder.ts';
import { filterFault, isPrototypeName, topicFault } from './packet-names.ts';
import { reasonCodes } from './reason-codes.ts';

/** What becomes of one decoded packet before aedes may see it. */
export type Verdict =
  | 'pass'
  | 'ignore'
  /** Close the connection; MQTT 5 clients are told the code first. */
  | { readonly drop: string; readonly reasonCode: number }
  /** Swallow it and write this answer. */
  | { readonly answer: Packet }
  /** Swallow it: the device has acknowledged a message that we wrote. */
  | { readonly acknowledged: number; readonly reasonCode: number };

export interface GateLimits {
  readonly maxTopicLevels: number;
  /** UTF-16 units of a topic or filter. */
  readonly maxTopicLength: number;
  readonly maxClientIdLength: number;
  /** Access tokens are user names. */
  readonly maxUserNameLength: number;
  readonly maxFiltersPerPacket: number;
  /** QoS 2 handshakes that a client may leave open at once. */
  readonly maxOpenQos2: number;
  /** Who writes messages to this client: our device front (`writePacket`) or aedes' own subscriptions. */
  readonly downlinks: 'ours' | 'aedes';
}

export const defaultGateLimits: GateLimits = {
  maxTopicLevels: 16,
  maxTopicLength: 1024,
  maxClientIdLength: 256,
  maxUserNameLength: 8192,
  maxFiltersPerPacket: 64,
  maxOpenQos2: 100,
  downlinks: 'ours',
};

/** Bytes: a CONNACK that tells our limits must fit. */
const smallestPacketLimit = 16;

/** Judges the packets of one connection, in their order. Knows no socket and no aedes. */
export interface PacketGate {
  inspect(packet: ClientPacket): Verdict;
  /** A QoS 2 publish that passed is through: stored, or refused (then its id is free again). */
  settled(messageId: number, refused: boolean): void;
  /** We wrote a message that asks for an acknowledgement. */
  sent(messageId: number): void;
  readonly unacknowledged: ReadonlySet<number>;
}

export function createPacketGate(limits: GateLimits = defaultGateLimits): PacketGate {
  let version: ProtocolVersion = 4;
  let expiresAtClose = true;
  const inbound = new Map<number, 'taken' | 'stored'>();
  const unacknowledged = new Set<number>();

  function inspect(packet: ClientPacket): Verdict {
    switch (packet.cmd) {
      case 'connect':
        return inspectConnect(packet);
      case 'publish': {
        const fault = topicFault(packet.topic, limits);
        if (fault && !(packet.topic === '' && packet.properties?.topicAlias !== undefined)) return fault;
        if (packet.properties?.topicAlias !== undefined) return drop('topic alias', reasonCodes.topicAliasInvalid);
        const answerTo = packet.properties?.responseTopic;
        const wrong = answerTo === undefined ? undefined : topicFault(answerTo, limits);
        if (wrong) return drop(`response topic: ${wrong.drop}`, reasonCodes.protocolError);
        return packet.qos === 2 ? openHandshake(packet.messageId ?? 0) : 'pass';
      }
      case 'pubrel':
        return release(packet.messageId ?? 0);
      case 'puback':
      case 'pubrec':
      case 'pubcomp':
        return acknowledge(packet.cmd, packet.messageId ?? 0, packet.reasonCode ?? reasonCodes.success);
      case 'subscribe': {
        const filters = packet.subscriptions.map((each) => each.topic);
        const fault = inspectFilters(filters);
        if (fault) return fault;
        if (packet.subscriptions.some((each) => each.nl && each.topic.startsWith('$share/')))
          return drop('no local on a shared subscription', reasonCodes.protocolError); // [MQTT-3.8.3-4]
        return 'pass';
      }
      case 'unsubscribe':
        return inspectFilters(packet.unsubscriptions) ?? 'pass';
      case 'disconnect':
        // [MQTT-3.14.2-2]: a session that was to end with the connection cannot be prolonged at its end.
        if (expiresAtClose && packet.properties?.sessionExpiryInterval)
          return drop('session expiry raised from 0 at disconnect', reasonCodes.protocolError);
        return 'pass';
      case 'pingreq':
        return 'pass';
      default:
        return drop(`${packet.cmd} from a client`, reasonCodes.protocolError);
    }
  }

  function inspectConnect(packet: IConnectPacket): Verdict {
    version = packet.protocolVersion ?? 4;
    expiresAtClose = version === 5 && !packet.properties?.sessionExpiryInterval;
    if ((packet.properties?.maximumPacketSize ?? smallestPacketLimit) < smallestPacketLimit)
      return drop('Maximum Packet Size leaves no room for an answer', reasonCodes.packetTooLarge);
    const id = packet.clientId;
    // MQTT 3.1 clients give 1 to 23 characters.
    const longest = version === 3 ? 23 : limits.maxClientIdLength;
    const unnamed = id === '' && (version === 3 || (version === 4 && packet.clean === false)); // [MQTT-3.1.3-7]
    if (id.length > longest || unnamed || isPrototypeName(id)) return drop('client id', reasonCodes.clientIdNotValid);
    if (packet.username !== undefined && packet.username.length > limits.maxUserNameLength)
      return drop('user name is too long', reasonCodes.notAuthorized);
    const will = packet.will && topicFault(packet.will.topic, limits);
    if (will) return drop(`will: ${will.drop}`, will.reasonCode);
    return 'pass';
  }

  /** A repeated publish is stored once: MQTT 3.1.1, 4.3.3 method A; MQTT 5.0, 4.3.3. */
  function openHandshake(id: number): Verdict {
    const state = inbound.get(id);
    if (state === 'taken') return 'ignore';
    if (state === 'stored') return { answer: { cmd: 'pubrec', messageId: id, reasonCode: reasonCodes.success } };
    if (inbound.size >= limits.maxOpenQos2)
      return drop('too many open QoS 2 handshakes', reasonCodes.receiveMaximumExceeded);
    inbound.set(id, 'taken');
    return 'pass';
  }

  function release(id: number): Verdict {
    const state = inbound.get(id);
    if (state === 'taken') return drop('PUBREL before PUBREC', reasonCodes.protocolError); // [MQTT-4.3.3-4]
    if (state === 'stored') {
      inbound.delete(id);
      return 'pass';
    }
    // aedes rejects a promise nobody waits for when two releases of one id meet: it sees known ids only, once.
    return { answer: { cmd: 'pubcomp', messageId: id, reasonCode: reasonCodes.packetIdNotFound } };
  }

  function acknowledge(cmd: 'puback' | 'pubrec' | 'pubcomp', id: number, reasonCode: number): Verdict {
    if (limits.downlinks === 'aedes') return 'pass';
    const known = unacknowledged.has(id);
    if (cmd === 'puback') {
      if (!known) return 'ignore';
      unacknowledged.delete(id);
      return { acknowledged: id, reasonCode };
    }
    // We write QoS 0 and 1 only, so this answers no message of ours.
    if (known) return drop(`${cmd} for a QoS 1 message`, reasonCodes.protocolError);
    if (cmd === 'pubcomp' || reasonCode >= reasonCodes.unspecified) return 'ignore';
    return { answer: { cmd: 'pubrel', messageId: id, reasonCode: reasonCodes.packetIdNotFound } };
  }

  function inspectFilters(filters: readonly string[]): Verdict | undefined {
    if (filters.length > limits.maxFiltersPerPacket)
      return drop('too many filters in one packet', reasonCodes.quotaExceeded);
    for (const filter of filters) {
      const fault = filterFault(filter, limits);
      if (fault) return fault;
    }
    return undefined;
  }

  return {
    inspect,
    settled(id, refused) {
      if (refused) inbound.delete(id);
      else if (inbound.has(id)) inbound.set(id, 'stored');
    },
    sent(id) {
      unacknowledged.add(id);
    },
    unacknowledged,
  };
}

function drop(reason: string, reasonCode: number): { drop: string; reasonCode: number } {
  return { drop: reason, reasonCode };
}
