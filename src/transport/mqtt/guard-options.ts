import type { Duplex } from 'node:stream';
import type { Client } from 'aedes';
import type { IConnectPacket, IPublishPacket } from 'mqtt-packet';
import type { Refusal } from './reason-codes.ts';

/** What the guard of a connection allows, and who hears of it: one object for all connections of a broker. */
export interface GuardOptions {
  /** Largest packet in bytes on the wire, fixed header included. Give aedes' `maximumPacketSize` the same number. */
  readonly maxPacketBytes: number;
  /** Largest CONNECT, and most bytes read ahead while it is authenticated. Default: maxPacketBytes. */
  readonly maxPreConnectBytes?: number;
  /** Packets a client may send before its CONNACK; more end the connection with 0x97. Default 100. */
  readonly maxEarlyPackets?: number;
  /** Packets of one connection inside the handlers at once. Default 1000. */
  readonly maxInFlight?: number;
  /** Bytes that may wait in the socket before `writePacket` refuses. Default 1 MiB. */
  readonly maxPendingBytes?: number;
  /**
   * Takes QoS 0 and 1 publishes, which aedes then never sees; each must end with `publishEnded`, and is not acknowledged before.
   * Default: aedes has them all.
   */
  readonly onPublish?: (client: Client, packet: IPublishPacket) => void;
  /** Hears of each message to a client that `sendTo` and calls write; `sent` false: it does not read. */
  readonly onDownlink?: (client: Client, sent: boolean) => void;
  /** The device acknowledged a message written by `writePacket`. */
  readonly onDownlinkAck?: (client: Client, messageId: number, reasonCode: number) => void;
  /** Gives who takes a connection over whose CONNECT is not for this broker: it reads that anew. */
  readonly handOver?: (client: Client, packet: IConnectPacket) => ((conn: Duplex) => void) | undefined;
  /** What the client gets right behind its CONNACK, in the same write. */
  readonly onWelcome?: (client: Client) => IPublishPacket | undefined;
  /** Hears why we closed the connection. */
  readonly onDrop?: (client: Client, refusal: Refusal) => void;
  /** Nothing more is read from any client: what was read is finished. */
  paused?: boolean;
  /** The connection is gone, or handed over. */
  readonly onClose?: (client: Client) => void;
}
