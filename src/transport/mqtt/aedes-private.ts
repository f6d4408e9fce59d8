import type { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import type { Aedes, Client } from 'aedes';
import mqtt, { type IPublishPacket, type Packet } from 'mqtt-packet';
import type { PrivateBroker, PrivateClient } from './aedes-inner.ts';
import { termsOf } from './connack-terms.ts';
import { connack, farewell } from './connection-packets.ts';
import { EndedPublishes } from './ended-publishes.ts';
import type { GuardOptions } from './guard-options.ts';
import { hearBeforeSilence, touch } from './keep-alive.ts';
import { type ClientPacket, checkFirstByte, decodePacket, type ProtocolVersion } from './packet-decoder.ts';
import { newTable, PacketEntry, type PacketListener } from './packet-entry.ts';
import { createFrameSplitter, type Frame, type FrameRules, frameBytes, isRefusal } from './packet-frames.ts';
import type { PacketGate } from './packet-gate.ts';
import { type Refusal, reasonCodes } from './reason-codes.ts';

/** Set by aedes on an MQTT 5 publish that it answered with 0x87. */
type MaybeRefused = ClientPacket & { _notAuthorized?: boolean };

type Done = (err?: Error | null) => void;

const GUARD = Symbol('guard');
type GuardedConn = Duplex & { [GUARD]?: Guard };

/** The guard of a client, once it has one. */
export const guardOf = (client: Client): Guard | undefined => (client.conn as GuardedConn)[GUARD];

const lingerMs = 1000;
const maxLingerBytes = 4 * 1024 * 1024;

/** Gives the broker a client table without inherited names, so that no client id can hit `Object.prototype`. */
export function hardenBroker(broker: Aedes): void {
  const table = broker as unknown as PrivateBroker;
  table.clients = Object.assign(Object.create(null), table.clients);
}

/**
 * For a broker whose sessions are all clean: a client is in as soon as aedes has registered it. Aedes would search for messages
 * that wait for it, which costs a quarter of a connect; as the client is connecting no more, it gives up before that.
 */
export function letInAtOnce(broker: Aedes): void {
  const inner = broker as unknown as PrivateBroker;
  const { registerClient } = inner;
  inner.registerClient = (client) => {
    const register = (): void => registerClient.call(inner, client);
    const guard = guardOf(client);
    if (guard) guard.letIn(register, inner);
    else register();
  };
}

/**
 * Takes over reading from the client's socket: strict decoding, the gate, limits and back-pressure, before aedes.
 * Call it in the same turn as `broker.handle`. Whatever a packet does, at most its own connection ends.
 * @param options the same object for all connections: an idle one costs little.
 */
export function guardClient(client: Client, gate: PacketGate, options: GuardOptions): void {
  const inner = client as unknown as PrivateClient;
  const conn: GuardedConn = client.conn;
  const parser = inner._parser as EventEmitter;
  const [listener] = parser.listeners('packet');
  if (!conn.listeners('readable').includes(inner._nextBatch) || !listener || parser.listenerCount('packet') !== 1)
    throw new Error('aedes has changed: its read loop is not where the guard expects it');
  conn[GUARD] = new Guard(client, new PacketEntry(client, listener as PacketListener), gate, options);
  inner.subscriptions = newTable();
  inner.duplicates = newTable();
  conn.removeListener('readable', inner._nextBatch);
  conn.on('readable', onReadable);
  inner._nextBatch = ignore; // aedes' resume() calls it too
  inner._eos();
  inner._eos = ignore;
  conn.on('close', onClose);
}

function onReadable(this: GuardedConn): void {
  this[GUARD]?.pump();
}

function onClose(this: GuardedConn): void {
  this[GUARD]?.closed();
}

/** One connection's read loop, between its socket and aedes' handlers. */
class Guard implements FrameRules {
  readonly gate: PacketGate;
  readonly options: GuardOptions;
  lastMessageId = 0;
  leaving = false;
  #moved = false;
  readonly #client: Client;
  readonly #entry: PacketEntry;
  readonly #splitter = createFrameSplitter(this);
  readonly #finished: Done = (err) => this.#settle(err);
  #stage: 'new' | 'connecting' | 'connected' = 'new';
  #version: ProtocolVersion | undefined;
  #inFlight = 0;
  /** Those that `onPublish` took. */
  #ended: EndedPublishes | undefined;
  #pumping = false;
  #lingered = 0;
  /** It has its CONNACK from us. */
  #welcome = false;
  #early: Frame[] | undefined;
  #earlyBytes = 0;

  constructor(client: Client, entry: PacketEntry, gate: PacketGate, options: GuardOptions) {
    this.#client = client;
    this.#entry = entry;
    this.gate = gate;
    this.options = options;
    this.#inner._parser = entry;
  }

  get #inner(): PrivateClient {
    return this.#client as unknown as PrivateClient;
  }

  checkFirst(first: number): Refusal | undefined {
    return checkFirstByte(first, this.#version);
  }

  maxPacketBytes(): number {
    const { maxPacketBytes, maxPreConnectBytes = maxPacketBytes } = this.options;
    return this.#stage === 'new' ? maxPreConnectBytes : maxPacketBytes;
  }

  pump(): void {
    if (this.#pumping) return; // a handler that finishes at once comes back here; the loop below goes on
    this.#pumping = true;
    try {
      while (this.#step());
    } catch (error) {
      const reason = `exception: ${error instanceof Error ? error.message : String(error)}`;
      this.#drop({ reason, reasonCode: reasonCodes.implementationSpecific });
    } finally {
      this.#pumping = false;
    }
  }

  closed(): void {
    this.#client.close();
    this.options.onClose?.(this.#client);
  }

  /** One packet or one read; false when there is nothing more to do until an event. */
  #step(): boolean {
    if (this.#moved) return false;
    if (this.leaving) return this.#discard();
    if (this.#client.closed) return false;
    if (this.#stage === 'connecting') return this.#readAhead();
    if (this.#inFlight >= (this.options.maxInFlight ?? 1000)) return false;
    const next = this.#nextEarly() ?? this.#splitter.next();
    if (!next) return this.#inFlight === 0 && !this.options.paused && this.#read(); // strict back-pressure: read on when all is done
    if (isRefusal(next)) this.#drop(next);
    else this.#dispatch(next);
    return true;
  }

  #nextEarly(): Frame | undefined {
    const next = this.#early?.shift();
    if (!next) this.#early = undefined;
    return next;
  }

  #read(): boolean {
    const chunk: unknown = this.#client.conn.read();
    if (!Buffer.isBuffer(chunk)) return false;
    this.#splitter.push(chunk);
    return true;
  }

  /** Packets that need not wait for the CONNACK [MQTT-3.1.4-5] are kept, by count and by bytes, and run after it. */
  #readAhead(): boolean {
    const { maxPacketBytes, maxPreConnectBytes = maxPacketBytes, maxEarlyPackets = 100 } = this.options;
    const early = this.#early?.length ?? 0;
    // The client may have its CONNACK before aedes is through: what it then sends is not early, and waits in the socket.
    if (this.#inner._authorized && early >= maxEarlyPackets) return false;
    const next = this.#splitter.next();
    if (!next) return this.#earlyBytes + this.#splitter.held < maxPreConnectBytes && this.#read();
    if (isRefusal(next)) this.#drop(next);
    else if (early >= maxEarlyPackets)
      this.#drop({ reason: 'too many packets before CONNACK', reasonCode: reasonCodes.quotaExceeded });
    else {
      this.#early ??= [];
      this.#early.push(next);
      this.#earlyBytes += next.end - next.start;
    }
    return true;
  }

  #dispatch(frame: Frame): void {
    const decoded = decodePacket(frame, this.#version);
    if (!('packet' in decoded)) {
      this.#drop(decoded.refusal);
      return;
    }
    const { packet } = decoded;
    const next = packet.cmd === 'connect' && this.#stage === 'new' && this.options.handOver?.(this.#client, packet);
    if (next) this.#handOver(frame, next);
    else this.#judge(packet);
  }

  /** Lets go of the connection with its CONNECT unread. What aedes has on it finds a client that is closed. */
  #handOver(connect: Frame, next: (conn: Duplex) => void): void {
    const client = this.#client;
    const inner = this.#inner;
    const conn: GuardedConn = client.conn;
    this.#moved = true;
    clearTimeout(inner._connectTimer ?? undefined);
    this.#entry.removeAllListeners();
    inner.closed = true;
    client.removeAllListeners('error').on('error', ignore);
    conn.off('readable', onReadable).off('close', onClose);
    delete conn[GUARD];
    this.options.onClose?.(client);
    conn.unshift(Buffer.concat([frameBytes(connect), this.#splitter.take()]));
    next(conn);
  }

  #judge(packet: ClientPacket): void {
    const verdict = this.gate.inspect(packet);
    if (verdict === 'pass') {
      const { onPublish } = this.options;
      if (onPublish && packet.cmd === 'publish' && packet.qos < 2 && this.#client.connected) {
        touch(this.#client);
        this.#inFlight++;
        onPublish(this.#client, packet);
        packet.payload = ''; // whoever reads it later has it: what waits for its end holds no read chunk
      } else this.#hand(packet);
    } else if (verdict === 'ignore') touch(this.#client);
    else if ('drop' in verdict) {
      const refusal = { reason: verdict.drop, reasonCode: verdict.reasonCode };
      // [MQTT-3.1.2-24]: a CONNACK of 5 bytes may be more than the client takes.
      const answerable = packet.cmd === 'connect' && (packet.properties?.maximumPacketSize ?? 5) >= 5;
      this.#drop(answerable ? { ...refusal, connectVersion: packet.protocolVersion ?? 4 } : refusal);
    } else {
      touch(this.#client);
      if ('answer' in verdict) this.#answer(verdict.answer);
      else this.options.onDownlinkAck?.(this.#client, verdict.acknowledged, verdict.reasonCode);
    }
  }

  #hand(packet: ClientPacket): void {
    const inner = this.#inner;
    let done = this.#finished;
    if (packet.cmd === 'connect') {
      this.#version = packet.protocolVersion ?? 4;
      this.#stage = 'connecting';
      done = (err) => this.#connectFinished(err);
    } else if (packet.cmd === 'publish' && packet.qos === 2) {
      const id = packet.messageId ?? 0;
      done = (err) => {
        this.gate.settled(id, (packet as MaybeRefused)._notAuthorized === true);
        this.#settle(err);
      };
    }
    this.#inFlight++;
    inner._parsingBatch = 0;
    inner._nextBatch = done;
    this.#entry.hand(packet);
    inner._nextBatch = ignore;
  }

  /** An answer that the socket does not take counts as in flight: a client that does not read is not read from. */
  #answer(packet: Packet): void {
    this.writeAcks();
    if (this.#client.conn.write(mqtt.generate(packet, { protocolVersion: this.#version ?? 4 }))) return;
    this.#inFlight++;
    this.#inner.waitForDrain(() => this.#settle());
  }

  /** A publish that `onPublish` took is through: at QoS 1 it is acknowledged. */
  publishEnded(packet: IPublishPacket): void {
    if (this.#ended === undefined) {
      this.#ended = new EndedPublishes();
      process.nextTick(() => this.#flush());
    }
    this.#ended.add(packet);
  }

  /** Acknowledgements go before anything else that is written in their turn. */
  writeAcks(): void {
    if (!this.leaving && !this.#client.closed) this.#ended?.acknowledge(this.#client.conn);
  }

  #flush(): void {
    this.writeAcks();
    const ended = this.#ended?.count ?? 0;
    this.#ended = undefined;
    const read = (): void => {
      this.#inFlight -= ended;
      this.pump();
    };
    // A client that does not read its acknowledgements is not read from.
    if (this.#client.conn.writableNeedDrain) this.#inner.waitForDrain(read);
    else read();
  }

  #settle(err?: Error | null): void {
    if (this.#inFlight > 0) this.#inFlight--;
    if (err && !this.leaving) this.#client.emit('error', err);
    else this.pump();
  }

  letIn(register: () => void, { maximumPacketSize, receiveMaximum }: PrivateBroker): void {
    const client = this.#client;
    const inner = this.#inner;
    if (this.leaving || client.closed) {
      inner._authorized = false; // else its end would take a namesake out of the broker
      return;
    }
    register();
    const push = this.options.onWelcome?.(client);
    client.conn.write(connack(client.version, { maximumPacketSize, receiveMaximum, push, ...termsOf(client) }));
    inner.connackSent = true;
    inner.connecting = false;
    this.#welcome = true;
  }

  #connectFinished(failure?: Error | null): void {
    const client = this.#client;
    const err = this.#welcome ? undefined : failure;
    this.#stage = 'connected';
    this.#earlyBytes = 0;
    hearBeforeSilence(client);
    if (this.#welcome && !this.leaving && !client.closed) {
      this.#inner.connected = true;
      this.#inner.broker.emit('clientReady', client);
      client.emit('connected');
    }
    this.#settle(err);
    // A preConnect that says no without an error would leave the socket open for ever.
    if (!err && !this.leaving && !client.connected) client.close();
  }

  #drop(refusal: Refusal): void {
    const client = this.#client;
    if (this.leaving || client.closed) return;
    this.options.onDrop?.(client, refusal);
    if (client.connected) this.#inner.disconnectReasonCode = refusal.reasonCode;
    this.leave(farewell(refusal, this.#version, this.#stage === 'new'));
  }

  leave(bytes: Buffer | undefined): void {
    const client = this.#client;
    const { conn } = client;
    this.writeAcks();
    this.leaving = true;
    this.#early = undefined;
    if (!bytes) {
      client.close();
      return;
    }
    const inner = this.#inner;
    inner.connected = false; // handlers still at work must not write behind our last packet
    inner.connecting = false;
    // Closing with unread input makes the kernel reset the connection, and the peer would lose our last packet.
    conn.end(bytes);
    const timer = setTimeout(() => client.close(), lingerMs);
    conn.once('close', () => clearTimeout(timer));
    this.#discard();
  }

  #discard(): false {
    const { conn } = this.#client;
    for (let chunk: unknown = conn.read(); Buffer.isBuffer(chunk); chunk = conn.read()) this.#lingered += chunk.length;
    if (this.#lingered > maxLingerBytes) this.#client.close();
    return false;
  }
}

/** Ends the connection; MQTT 5 clients are told the code. The will is sent, as for any end the client did not ask for. */
export function disconnectClient(client: Client, reasonCode: number): void {
  const guard = guardOf(client);
  if (!guard) {
    client.disconnect({ reasonCode });
    return;
  }
  if (guard.leaving || client.closed) return;
  const inner = client as unknown as PrivateClient;
  if (inner._authorized && !client.connected) {
    // Its CONNACK is on the way: the DISCONNECT follows it, as soon as aedes is through.
    client.once('connected', () => disconnectClient(client, reasonCode));
    return;
  }
  inner.disconnectReasonCode = reasonCode;
  const version = client.connected ? (client.version as ProtocolVersion) : undefined;
  guard.leave(farewell({ reason: 'told to leave', reasonCode }, version, false));
}

/** Refuses a CONNECT of MQTT 5 with a code that aedes has no number for; its own answer must not be asked for then. */
export function refuseConnect(client: Client, reasonCode: number): void {
  guardOf(client)?.leave(farewell({ reason: 'refused', reasonCode, connectVersion: 5 }, undefined, true));
}

function ignore(): void {}
