import type { Client } from 'aedes';
import type { ClientPacket } from './packet-decoder.ts';

export type PacketListener = (this: PacketEntry, packet: ClientPacket) => void;

/** In place of aedes' parser, which would cost each connection 1.4 KiB and never parses here: its client and its listener. */
export class PacketEntry {
  readonly client: Client;
  readonly _queue = null;
  #listener: PacketListener | undefined;

  constructor(client: Client, listener: PacketListener) {
    this.client = client;
    this.#listener = listener;
  }

  hand(packet: ClientPacket): void {
    this.#listener?.call(this, packet);
  }

  /** aedes calls it when the client is closed. */
  removeAllListeners(): void {
    this.#listener = undefined;
  }
}

/** A table without inherited names, like `Object.create(null)`, which takes ten times the memory. */
function Table(this: object): void {}
Table.prototype = Object.create(null);
export const newTable = (): object => new (Table as unknown as new () => object)();
