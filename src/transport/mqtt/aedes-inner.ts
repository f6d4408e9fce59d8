import type { EventEmitter } from 'node:events';
import type { Client } from 'aedes';
import type { PacketEntry } from './packet-entry.ts';

// Everything we touch of aedes 2.0.0-beta.1 that its types do not promise. test/transport/mqtt/aedes-private.test.ts
// fails when one of these changes; read it before any upgrade.
export interface PrivateClient {
  readonly broker: EventEmitter;
  /** Its one `packet` listener hands a packet to the handlers, at once when connackSent or _parsingBatch is 0. */
  _parser: PacketEntry | EventEmitter;
  /** Packets that are not through. We count our own, and keep this at 0 so that the listener never queues. */
  _parsingBatch: number;
  /** aedes' read loop, its `readable` listener; given to every handler as its callback when the packet is handed over. */
  _nextBatch: (err?: Error | null) => void;
  /** Runs until the CONNECT. */
  readonly _connectTimer: NodeJS.Timeout | null;
  /** Restarted by the handlers; packets that never reach them must restart it here. */
  _keepaliveTimer: NodeJS.Timeout | null;
  readonly _keepaliveInterval: number;
  /** Takes away the listeners of `stream.finished`, which closes the client when its socket has ended. */
  _eos: () => void;
  /** Plain objects keyed by names from the wire. */
  subscriptions: object;
  duplicates: object;
  disconnectReasonCode: number | null;
  closed: boolean;
  connected: boolean;
  connecting: boolean;
  connackSent: boolean;
  /** The login was accepted; the CONNACK follows, and some turns later aedes is through with the CONNECT. */
  _authorized: boolean;
  /** An MQTT 5 client is told these three in its CONNACK; the keep-alive is the one that runs. */
  _assignedClientId: string | undefined;
  _serverKeepAlive: number | undefined;
  _sessionExpiryClamped: boolean;
  /** Calls back at the next drain, or closes after `drainTimeout`. */
  waitForDrain(callback: (err?: Error | null) => void): void;
}

export interface PrivateBroker {
  clients: object;
  readonly maximumPacketSize: number;
  readonly receiveMaximum: number;
  /** Called in the midst of a CONNECT; the CONNACK comes next, if the client is connecting. */
  registerClient: (client: Client) => void;
}
