import type { OutboundQueue } from './outbound.ts';
import type { AedesPacket, SessionClient, SessionKeeper } from './persistence.ts';

/** The queue of a session that is stored. */
export function storedQueue(client: SessionClient, persistence: SessionKeeper): OutboundQueue {
  const { sharesPackets } = persistence;
  return {
    async first(limit) {
      const packets: AedesPacket[] = [];
      for await (const packet of persistence.outgoingStream(client)) {
        packets.push(sharesPackets ? withoutId(packet) : packet);
        if (packets.length >= limit) break;
      }
      return packets;
    },
    async sent(packet, messageId) {
      if (packet.messageId === messageId) return;
      await persistence.outgoingUpdate(client, { ...packet, messageId });
    },
    async done(packet, messageId) {
      if (messageId === undefined) return;
      await persistence.take(client, packet, messageId);
    },
  };
}

/** It was sent to somebody: perhaps to this client, which must hear that then [MQTT-3.3.1-1]. */
const withoutId = (packet: AedesPacket): AedesPacket => ({
  ...packet,
  messageId: undefined,
  dup: typeof packet.messageId === 'number',
});

export interface MemoryLimits {
  readonly maxMessages: number;
  readonly maxBytes: number;
}

/** The queue of a session that ends with its connection. */
export class MemoryQueue implements OutboundQueue {
  readonly #limits: MemoryLimits;
  readonly #packets = new Set<AedesPacket>();
  #bytes = 0;

  constructor(limits: MemoryLimits) {
    this.#limits = limits;
  }

  /** False, and nothing taken, when it is full: its client does not keep up. */
  add(packet: AedesPacket): boolean {
    if (this.#packets.size >= this.#limits.maxMessages || this.#bytes >= this.#limits.maxBytes) return false;
    this.#packets.add(packet);
    this.#bytes += packet.payload.length;
    return true;
  }

  async first(limit: number): Promise<readonly AedesPacket[]> {
    const packets: AedesPacket[] = [];
    for (const packet of this.#packets) {
      packets.push(packet);
      if (packets.length >= limit) break;
    }
    return packets;
  }

  async sent(): Promise<void> {}

  async done(packet: AedesPacket): Promise<void> {
    if (this.#packets.delete(packet)) this.#bytes -= packet.payload.length;
  }
}
