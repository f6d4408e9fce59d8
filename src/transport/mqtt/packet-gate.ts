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

const NONE: ReadonlySet<number> = new Set();

export function createPacketGate(limits: GateLimits = defaultGateLimits): PacketGate {
  return new StrictGate(limits);
}

/** Keeps nothing but flags until the client opens a QoS 2 handshake or we write to it. */
export class StrictGate implements PacketGate {
  readonly #limits: GateLimits;
  #expiresAtClose = true;
  #inbound: Map<number, 'taken' | 'stored'> | undefined;
  #unacknowledged: Set<number> | undefined;

  constructor(limits: GateLimits = defaultGateLimits) {
    this.#limits = limits;
  }

  get unacknowledged(): ReadonlySet<number> {
    return this.#unacknowledged ?? NONE;
  }

  settled(id: number, refused: boolean): void {
    if (refused) this.#inbound?.delete(id);
    else if (this.#inbound?.has(id)) this.#inbound.set(id, 'stored');
  }

  sent(id: number): void {
    this.#unacknowledged ??= new Set();
    this.#unacknowledged.add(id);
  }

  inspect(packet: ClientPacket): Verdict {
    switch (packet.cmd) {
      case 'connect':
        return this.#inspectConnect(packet);
      case 'publish': {
        const fault = topicFault(packet.topic, this.#limits);
        if (fault && !(packet.topic === '' && packet.properties?.topicAlias !== undefined)) return fault;
        if (packet.properties?.topicAlias !== undefined) return drop('topic alias', reasonCodes.topicAliasInvalid);
        const answerTo = packet.properties?.responseTopic;
        const wrong = answerTo === undefined ? undefined : topicFault(answerTo, this.#limits);
        if (wrong) return drop(`response topic: ${wrong.drop}`, reasonCodes.protocolError);
        return packet.qos === 2 ? this.#openHandshake(packet.messageId ?? 0) : 'pass';
      }
      case 'pubrel':
        return this.#release(packet.messageId ?? 0);
      case 'puback':
      case 'pubrec':
      case 'pubcomp':
        return this.#acknowledge(packet.cmd, packet.messageId ?? 0, packet.reasonCode ?? reasonCodes.success);
      case 'subscribe': {
        const filters = packet.subscriptions.map((each) => each.topic);
        const fault = this.#inspectFilters(filters);
        if (fault) return fault;
        if (packet.subscriptions.some((each) => each.nl && each.topic.startsWith('$share/')))
          return drop('no local on a shared subscription', reasonCodes.protocolError); // [MQTT-3.8.3-4]
        return 'pass';
      }
      case 'unsubscribe':
        return this.#inspectFilters(packet.unsubscriptions) ?? 'pass';
      case 'disconnect':
        // [MQTT-3.14.2-2]: a session that was to end with the connection cannot be prolonged at its end.
        if (this.#expiresAtClose && packet.properties?.sessionExpiryInterval)
          return drop('session expiry raised from 0 at disconnect', reasonCodes.protocolError);
        return 'pass';
      case 'pingreq':
        return 'pass';
      default:
        return drop(`${packet.cmd} from a client`, reasonCodes.protocolError);
    }
  }

  #inspectConnect(packet: IConnectPacket): Verdict {
    const version: ProtocolVersion = packet.protocolVersion ?? 4;
    this.#expiresAtClose = version === 5 && !packet.properties?.sessionExpiryInterval;
    if ((packet.properties?.maximumPacketSize ?? smallestPacketLimit) < smallestPacketLimit)
      return drop('Maximum Packet Size leaves no room for an answer', reasonCodes.packetTooLarge);
    const id = packet.clientId;
    // MQTT 3.1 clients give 1 to 23 characters.
    const longest = version === 3 ? 23 : this.#limits.maxClientIdLength;
    const unnamed = id === '' && (version === 3 || (version === 4 && packet.clean === false)); // [MQTT-3.1.3-7]
    if (id.length > longest || unnamed || isPrototypeName(id)) return drop('client id', reasonCodes.clientIdNotValid);
    if (packet.username !== undefined && packet.username.length > this.#limits.maxUserNameLength)
      return drop('user name is too long', reasonCodes.notAuthorized);
    const will = packet.will && topicFault(packet.will.topic, this.#limits);
    if (will) return drop(`will: ${will.drop}`, will.reasonCode);
    return 'pass';
  }

  /** A repeated publish is stored once: MQTT 3.1.1, 4.3.3 method A; MQTT 5.0, 4.3.3. */
  #openHandshake(id: number): Verdict {
    const state = this.#inbound?.get(id);
    if (state === 'taken') return 'ignore';
    if (state === 'stored') return { answer: { cmd: 'pubrec', messageId: id, reasonCode: reasonCodes.success } };
    this.#inbound ??= new Map();
    if (this.#inbound.size >= this.#limits.maxOpenQos2)
      return drop('too many open QoS 2 handshakes', reasonCodes.receiveMaximumExceeded);
    this.#inbound.set(id, 'taken');
    return 'pass';
  }

  #release(id: number): Verdict {
    const state = this.#inbound?.get(id);
    if (state === 'taken') return drop('PUBREL before PUBREC', reasonCodes.protocolError); // [MQTT-4.3.3-4]
    if (state === 'stored') {
      this.#inbound?.delete(id);
      return 'pass';
    }
    // aedes rejects a promise nobody waits for when two releases of one id meet: it sees known ids only, once.
    return { answer: { cmd: 'pubcomp', messageId: id, reasonCode: reasonCodes.packetIdNotFound } };
  }

  #acknowledge(cmd: 'puback' | 'pubrec' | 'pubcomp', id: number, reasonCode: number): Verdict {
    if (this.#limits.downlinks === 'aedes') return 'pass';
    const known = this.unacknowledged.has(id);
    if (cmd === 'puback') {
      if (!known) return 'ignore';
      this.#unacknowledged?.delete(id);
      return { acknowledged: id, reasonCode };
    }
    // We write QoS 0 and 1 only, so this answers no message of ours.
    if (known) return drop(`${cmd} for a QoS 1 message`, reasonCodes.protocolError);
    if (cmd === 'pubcomp' || reasonCode >= reasonCodes.unspecified) return 'ignore';
    return { answer: { cmd: 'pubrel', messageId: id, reasonCode: reasonCodes.packetIdNotFound } };
  }

  #inspectFilters(filters: readonly string[]): Verdict | undefined {
    if (filters.length > this.#limits.maxFiltersPerPacket)
      return drop('too many filters in one packet', reasonCodes.quotaExceeded);
    for (const filter of filters) {
      const fault = filterFault(filter, this.#limits);
      if (fault) return fault;
    }
    return undefined;
  }
}

function drop(reason: string, reasonCode: number): { drop: string; reasonCode: number } {
  return { drop: reason, reasonCode };
}
