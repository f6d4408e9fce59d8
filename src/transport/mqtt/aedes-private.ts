import type { EventEmitter } from 'node:events';
import type { Aedes, Client } from 'aedes';
import mqtt, { type Packet } from 'mqtt-packet';
import { publishHeader } from './large-publish.ts';
import { type ClientPacket, checkFirstByte, decodePacket, type ProtocolVersion } from './packet-decoder.ts';
import { createFrameSplitter, type Frame, isRefusal } from './packet-frames.ts';
import type { PacketGate } from './packet-gate.ts';
import { type Refusal, reasonCodes } from './reason-codes.ts';

// Everything we touch of aedes 2.0.0-beta.1 that its types do not promise. test/transport/mqtt/aedes-private.test.ts
// fails when one of these changes; read it before any upgrade.
interface PrivateClient {
  /** Its one `packet` listener hands a packet to the handlers, at once when connackSent or _parsingBatch is 0. */
  readonly _parser: EventEmitter;
  /** Packets that are not through. We count our own, and keep this at 0 so that the listener never queues. */
  _parsingBatch: number;
  /** aedes' read loop, its `readable` listener; given to every handler as its callback when the packet is handed over. */
  _nextBatch: (err?: Error | null) => void;
  /** Restarted by the handlers; packets that never reach them must restart it here. */
  readonly _keepaliveTimer: NodeJS.Timeout | null;
  readonly _keepaliveInterval: number;
  /** Plain objects keyed by names from the wire. */
  subscriptions: object;
  duplicates: object;
  disconnectReasonCode: number | null;
  connected: boolean;
  connecting: boolean;
  /** The login was accepted; the CONNACK follows, and some turns later aedes is through with the CONNECT. */
  readonly _authorized: boolean;
  /** Calls back at the next drain, or closes after `drainTimeout`. */
  waitForDrain(callback: (err?: Error | null) => void): void;
}

/** Set by aedes on an MQTT 5 publish that it answered with 0x87. */
type MaybeRefused = ClientPacket & { _notAuthorized?: boolean };

export interface GuardOptions {
  readonly gate: PacketGate;
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
  /** The device acknowledged a message written by `writePacket`. */
  readonly onDownlinkAck?: (messageId: number, reasonCode: number) => void;
  /** Hears why we closed the connection. */
  readonly onDrop?: (refusal: Refusal) => void;
}

interface Guarded {
  readonly options: Required<Omit<GuardOptions, 'onDownlinkAck' | 'onDrop'>>;
  lastMessageId: number;
  leaving: boolean;
  readonly leave: (farewell: Buffer | undefined) => void;
}

const guarded = new WeakMap<Client, Guarded>();
const lingerMs = 1000;
const maxLingerBytes = 4 * 1024 * 1024;

/** Gives the broker a client table without inherited names, so that no client id can hit `Object.prototype`. */
export function hardenBroker(broker: Aedes): void {
  const table = broker as unknown as { clients: object };
  table.clients = Object.assign(Object.create(null), table.clients);
}

/**
 * Takes over reading from the client's socket: strict decoding, the gate, limits and back-pressure, before aedes.
 * Call it in the same turn as `broker.handle`. Whatever a packet does, at most its own connection ends.
 */
export function guardClient(client: Client, given: GuardOptions): void {
  const inner = client as unknown as PrivateClient;
  const { conn } = client;
  if (!conn.listeners('readable').includes(inner._nextBatch) || inner._parser.listenerCount('packet') !== 1)
    throw new Error('aedes has changed: its read loop is not where the guard expects it');
  const options = {
    maxPreConnectBytes: given.maxPacketBytes,
    maxEarlyPackets: 100,
    maxInFlight: 1000,
    maxPendingBytes: 1024 * 1024,
    ...given,
  };
  const { gate } = options;

  let stage: 'new' | 'connecting' | 'connected' = 'new';
  let version: ProtocolVersion | undefined;
  let inFlight = 0;
  let pumping = false;
  let lingered = 0;
  let early: Frame[] = [];
  let earlyBytes = 0;
  const splitter = createFrameSplitter({
    checkFirst: (first) => checkFirstByte(first, version),
    maxPacketBytes: () => (stage === 'new' ? options.maxPreConnectBytes : options.maxPacketBytes),
  });
  const state: Guarded = { options, lastMessageId: 0, leaving: false, leave };
  guarded.set(client, state);

  inner.subscriptions = Object.create(null);
  inner.duplicates = Object.create(null);
  conn.removeListener('readable', inner._nextBatch);
  conn.on('readable', pump);
  inner._nextBatch = ignore; // aedes' resume() calls it too

  function pump(): void {
    if (pumping) return; // a handler that finishes at once comes back here; the loop below goes on
    pumping = true;
    try {
      while (step());
    } catch (error) {
      const reason = `exception: ${error instanceof Error ? error.message : String(error)}`;
      drop({ reason, reasonCode: reasonCodes.implementationSpecific });
    } finally {
      pumping = false;
    }
  }

  /** One packet or one read; false when there is nothing more to do until an event. */
  function step(): boolean {
    if (state.leaving) return discard();
    if (client.closed) return false;
    if (stage === 'connecting') return readAhead();
    if (inFlight >= options.maxInFlight) return false;
    const next = early.shift() ?? splitter.next();
    if (!next) return inFlight === 0 && read(); // strict back-pressure: read on when all is done
    if (isRefusal(next)) drop(next);
    else dispatch(next);
    return true;
  }

  function read(): boolean {
    const chunk: unknown = conn.read();
    if (!Buffer.isBuffer(chunk)) return false;
    splitter.push(chunk);
    return true;
  }

  /** Packets that need not wait for the CONNACK [MQTT-3.1.4-5] are kept, by count and by bytes, and run after it. */
  function readAhead(): boolean {
    // The client may have its CONNACK before aedes is through: what it then sends is not early, and waits in the socket.
    if (inner._authorized && early.length >= options.maxEarlyPackets) return false;
    const next = splitter.next();
    if (!next) return earlyBytes + splitter.held < options.maxPreConnectBytes && read();
    if (isRefusal(next)) drop(next);
    else {
      early.push(next);
      earlyBytes += next.body.length;
      if (early.length > options.maxEarlyPackets)
        drop({ reason: 'too many packets before CONNACK', reasonCode: reasonCodes.quotaExceeded });
    }
    return true;
  }

  function dispatch(frame: Frame): void {
    const decoded = decodePacket(frame, version);
    if ('packet' in decoded) judge(decoded.packet);
    else drop(decoded.refusal);
  }

  function judge(packet: ClientPacket): void {
    const verdict = gate.inspect(packet);
    if (verdict === 'pass') hand(packet);
    else if (verdict === 'ignore') touch();
    else if ('drop' in verdict) {
      const refusal = { reason: verdict.drop, reasonCode: verdict.reasonCode };
      // [MQTT-3.1.2-24]: a CONNACK of 5 bytes may be more than the client takes.
      const answerable = packet.cmd === 'connect' && (packet.properties?.maximumPacketSize ?? 5) >= 5;
      drop(answerable ? { ...refusal, connectVersion: packet.protocolVersion ?? 4 } : refusal);
    } else {
      touch();
      if ('answer' in verdict) answer(verdict.answer);
      else given.onDownlinkAck?.(verdict.acknowledged, verdict.reasonCode);
    }
  }

  function hand(packet: ClientPacket): void {
    let done = finished;
    if (packet.cmd === 'connect') {
      version = packet.protocolVersion ?? 4;
      stage = 'connecting';
      done = connectFinished;
    } else if (packet.cmd === 'publish' && packet.qos === 2) {
      const id = packet.messageId ?? 0;
      done = (err) => {
        gate.settled(id, (packet as MaybeRefused)._notAuthorized === true);
        finished(err);
      };
    }
    inFlight++;
    inner._parsingBatch = 0;
    inner._nextBatch = done;
    inner._parser.emit('packet', packet);
    inner._nextBatch = ignore;
  }

  /** An answer that the socket does not take counts as in flight: a client that does not read is not read from. */
  function answer(packet: Packet): void {
    if (conn.write(mqtt.generate(packet, { protocolVersion: version ?? 4 }))) return;
    inFlight++;
    inner.waitForDrain(() => finished());
  }

  function finished(err?: Error | null): void {
    if (inFlight > 0) inFlight--;
    if (err && !state.leaving) client.emit('error', err);
    else pump();
  }

  function connectFinished(err?: Error | null): void {
    stage = 'connected';
    earlyBytes = 0;
    finished(err);
    // A preConnect that says no without an error would leave the socket open for ever.
    if (!err && !client.connected) client.close();
  }

  /** What aedes' handlers do for the packets they see. */
  function touch(): void {
    if (inner._keepaliveInterval > 0) inner._keepaliveTimer?.refresh();
  }

  function drop(refusal: Refusal): void {
    if (state.leaving || client.closed) return;
    given.onDrop?.(refusal);
    if (client.connected) inner.disconnectReasonCode = refusal.reasonCode;
    leave(farewell(refusal, version, stage));
  }

  function leave(bytes: Buffer | undefined): void {
    state.leaving = true;
    early = [];
    if (!bytes) {
      client.close();
      return;
    }
    inner.connected = false; // handlers still at work must not write behind our last packet
    inner.connecting = false;
    // Closing with unread input makes the kernel reset the connection, and the peer would lose our last packet.
    conn.end(bytes);
    const timer = setTimeout(() => client.close(), lingerMs);
    conn.once('close', () => {
      clearTimeout(timer);
      client.close();
    });
    discard();
  }

  function discard(): false {
    for (let chunk: unknown = conn.read(); Buffer.isBuffer(chunk); chunk = conn.read()) lingered += chunk.length;
    if (lingered > maxLingerBytes) client.close();
    return false;
  }
}

/**
 * Writes a packet straight to the client's socket in its protocol version. False, and nothing written, when the
 * client is not connected, its socket buffer is full, or its Maximum Packet Size or Receive Maximum forbids it.
 */
export function writePacket(client: Client, packet: Packet): boolean {
  const state = guarded.get(client);
  if (!state || state.leaving || !client.connected || client.conn.destroyed) return false;
  const { gate, maxPendingBytes } = state.options;
  const asksForAck = packet.cmd === 'publish' && packet.qos > 0;
  if (pendingBytes(client) > maxPendingBytes) return false;
  if (asksForAck && gate.unacknowledged.size >= client.receiveMaximum) return false; // [MQTT-3.3.4-9]
  const bytes = mqtt.generate(packet, { protocolVersion: client.version });
  if (bytes.length > (client.maximumPacketSize ?? Number.POSITIVE_INFINITY)) return false; // [MQTT-3.1.2-24]
  if (asksForAck && packet.messageId !== undefined) gate.sent(packet.messageId);
  if (packet.cmd === 'pubrec' && packet.messageId !== undefined)
    gate.settled(packet.messageId, (packet.reasonCode ?? reasonCodes.success) >= reasonCodes.unspecified);
  client.conn.write(bytes);
  return true;
}

/**
 * Publishes a payload that is too large to be held, block by block, as the socket takes them; what else is written meanwhile
 * waits for its end, within `maxPendingBytes`. False, and nothing written, when the client may not have it.
 * @param stallMs a client that takes nothing for so long is closed.
 */
export async function streamPublish(
  client: Client,
  { topic, qos }: { readonly topic: string; readonly qos: 0 | 1 | 2 },
  length: number,
  blocks: AsyncIterable<Buffer>,
  stallMs: number,
): Promise<boolean> {
  const state = guarded.get(client);
  const messageId = qos === 0 ? undefined : nextMessageId(client);
  if (!state || state.leaving || !client.connected || (qos > 0 && messageId === undefined)) return false;
  const version = client.version as ProtocolVersion;
  const header = publishHeader({ topic, qos, messageId, bytes: length }, version);
  if (header.length + length > (client.maximumPacketSize ?? Number.POSITIVE_INFINITY)) return false; // [MQTT-3.1.2-24]
  const { gate, maxPendingBytes } = state.options;
  if (qos > 0 && gate.unacknowledged.size >= client.receiveMaximum) return false; // [MQTT-3.3.4-9]
  if (messageId !== undefined) gate.sent(messageId);
  const { conn } = client;
  const { write } = conn;
  const held: Buffer[] = [];
  let heldBytes = 0;
  const open = (): boolean => !conn.destroyed && !conn.writableEnded;
  conn.write = ((chunk: Buffer | string) => {
    const bytes = Buffer.from(chunk as Buffer);
    held.push(bytes);
    heldBytes += bytes.length;
    if (heldBytes > maxPendingBytes) client.close();
    return true;
  }) as typeof write;
  const put = async (bytes: Buffer): Promise<void> => {
    if (!open() || write.call(conn, bytes)) return;
    const timer = setTimeout(() => client.close(), stallMs);
    await new Promise<void>((resolve) => {
      const go = (): void => {
        conn.off('drain', go).off('close', go);
        resolve();
      };
      conn.once('drain', go).once('close', go);
    });
    clearTimeout(timer);
  };
  try {
    await put(header);
    for await (const block of blocks) {
      if (!open()) return true;
      await put(block);
    }
  } catch (error) {
    client.close(); // half a message cannot be taken back
    throw error;
  } finally {
    conn.write = write;
    for (const bytes of held) if (open()) conn.write(bytes);
  }
  return true;
}

/** Bytes written to the client that its socket has not taken. */
export function pendingBytes(client: Client): number {
  return client.conn.writableLength;
}

/** A packet identifier no message on its way has, 1 to 65535; undefined when all are in use. */
export function nextMessageId(client: Client): number | undefined {
  const state = guarded.get(client);
  if (!state) return undefined;
  const used = state.options.gate.unacknowledged;
  if (used.size >= 0xffff) return undefined;
  do state.lastMessageId = (state.lastMessageId % 0xffff) + 1;
  while (used.has(state.lastMessageId));
  return state.lastMessageId;
}

/** Ends the connection; MQTT 5 clients are told the code. The will is sent, as for any end the client did not ask for. */
export function disconnectClient(client: Client, reasonCode: number): void {
  const state = guarded.get(client);
  if (!state) {
    client.disconnect({ reasonCode });
    return;
  }
  if (state.leaving || client.closed) return;
  const inner = client as unknown as PrivateClient;
  if (inner._authorized && !client.connected) {
    // Its CONNACK is on the way: the DISCONNECT follows it, as soon as aedes is through.
    client.once('connected', () => disconnectClient(client, reasonCode));
    return;
  }
  inner.disconnectReasonCode = reasonCode;
  const version = client.connected ? (client.version as ProtocolVersion) : undefined;
  state.leave(farewell({ reason: 'told to leave', reasonCode }, version, 'connected'));
}

/** Refuses a CONNECT of MQTT 5 with a code that aedes has no number for; its own answer must not be asked for then. */
export function refuseConnect(client: Client, reasonCode: number): void {
  const connack = { cmd: 'connack', sessionPresent: false, reasonCode } as const;
  guarded.get(client)?.leave(mqtt.generate(connack, { protocolVersion: 5 }));
}

function farewell(
  refusal: Refusal,
  version: ProtocolVersion | undefined,
  stage: 'new' | 'connecting' | 'connected',
): Buffer | undefined {
  const { reasonCode, connectVersion } = refusal;
  if (connectVersion === 5 && stage === 'new')
    return mqtt.generate({ cmd: 'connack', sessionPresent: false, reasonCode }, { protocolVersion: 5 });
  if (connectVersion && stage === 'new') {
    // 3.1 and 3.1.1 know two of the reasons: level (1) and client id (2).
    const returnCode = reasonCode === reasonCodes.unsupportedVersion ? 1 : 2;
    if (returnCode === 2 && reasonCode !== reasonCodes.clientIdNotValid) return undefined;
    return mqtt.generate({ cmd: 'connack', sessionPresent: false, returnCode }, { protocolVersion: 4 });
  }
  return version === 5 ? mqtt.generate({ cmd: 'disconnect', reasonCode }, { protocolVersion: 5 }) : undefined;
}

function ignore(): void {}
