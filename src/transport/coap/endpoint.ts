import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Clock } from '../../model/clock.ts';
import type { Log } from '../../observe/index.ts';
import { CODES, type CoapMessage, type CoapOption, decodeMessage, encodeMessage, NOTHING } from './codec.ts';
import { Exchanges, type Outcome, type Transmission } from './exchanges.ts';
import { MessageIds } from './message-ids.ts';
import { RecentRequests } from './recent-requests.ts';
import type { Peer } from './request.ts';

export interface EndpointOptions {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** A request that is not answered by then is acknowledged empty, ms; its answer then comes in a message of its own. */
  readonly piggybackMs: number;
  /** Requests under way at most: further ones are refused with 5.03. */
  readonly maxRequests: number;
  readonly transmission: Transmission;
}

/** What a message of ours says. */
export interface Reply {
  readonly code: number;
  readonly options: readonly CoapOption[];
  readonly payload: Buffer;
  /** Called once it has been written. */
  readonly written?: () => void;
}

/** Answers a request; undefined: it gets no answer at all. Must not reject. */
export type Handler = (message: CoapMessage, peer: Peer) => Promise<Reply | undefined>;

export interface EndpointCounts {
  requests: number;
  /** Requests that came again. */
  repeated: number;
  /** Datagrams that are no CoAP. */
  malformed: number;
  /** Requests refused because too many were under way. */
  busy: number;
}

/** Answers that a repeat may ask for, and what tells repeats, in memory. */
const MAX_RECENT_BYTES = 33_554_432;
/** Confirmable messages of ours under way. */
const MAX_EXCHANGES = 20_000;
/** The kernel gives what it allows: a burst of a whole fleet waits there while a commit is under way. */
const RECEIVE_BUFFER_BYTES = 4_194_304;

/** The message layer of CoAP over UDP (RFC 7252 4): acknowledgements, repeats, ids. Any datagram is taken, none throws. */
export class Endpoint {
  readonly #options: EndpointOptions;
  readonly #handler: Handler;
  readonly #log: Log;
  readonly #socket: Socket;
  readonly #recent: RecentRequests;
  readonly #exchanges: Exchanges;
  readonly #ids = new MessageIds();
  readonly #underWay = new Set<Promise<void>>();
  readonly counts: EndpointCounts = { requests: 0, repeated: 0, malformed: 0, busy: 0 };
  #state: 'open' | 'draining' | 'closed' = 'open';
  /** Datagrams that the socket has not sent yet. */
  #unsent = 0;
  #allSent: (() => void) | undefined;

  constructor(
    options: EndpointOptions,
    handler: Handler,
    { clock, log }: { readonly clock: Clock; readonly log: Log },
  ) {
    this.#options = options;
    this.#handler = handler;
    this.#log = log;
    this.#socket = createSocket({ type: isIPv6(options.host) ? 'udp6' : 'udp4' });
    this.#recent = new RecentRequests(MAX_RECENT_BYTES, clock);
    this.#exchanges = new Exchanges(options.transmission, MAX_EXCHANGES, (peer, bytes) => this.#write(peer, bytes));
  }

  /** Gives the port. Rejects with the error of the system when it cannot be bound. */
  async listen(): Promise<number> {
    const socket = this.#socket;
    const { host: address, port } = this.#options;
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      // Exclusive: among several workers the parts of one exchange would reach different ones.
      socket.bind({ address, port, exclusive: true }, () => {
        socket.off('error', reject);
        resolve();
      });
    });
    socket.on('error', (error) => this.#log.error({ event: 'coap.socket', err: error }, 'socket error'));
    socket.on('message', (bytes, from) => this.#receive(bytes, from));
    this.#widen();
    return socket.address().port;
  }

  /** Sends a confirmable message, as often as it takes. */
  confirm(peer: Peer, token: Buffer, { code, options, payload }: Reply): Promise<Outcome> {
    if (this.#state === 'closed') return Promise.resolve('closed');
    const id = this.#ids.next(peer);
    return this.#exchanges.send(peer, id, encodeMessage({ type: 'con', code, id, token, options, payload }));
  }

  /** Asks whether the peer is there: an empty message, which it answers with a reset (RFC 7252 4.3). */
  async isThere(peer: Peer): Promise<boolean> {
    const outcome = await this.confirm(peer, NOTHING, { code: CODES.empty, options: [], payload: NOTHING });
    return outcome === 'reset' || outcome === 'acknowledged';
  }

  /** Sends a message once, for whom it may reach. */
  tell(peer: Peer, token: Buffer, { code, options, payload }: Reply): void {
    this.#write(peer, encodeMessage({ type: 'non', code, id: this.#ids.next(peer), token, options, payload }));
  }

  get repeats(): number {
    return this.#exchanges.repeats;
  }

  /** Takes no new request. Resolves when those under way have been answered, or after `patienceMs`. */
  async drain(patienceMs: number): Promise<void> {
    this.#state = 'draining';
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, patienceMs);
    });
    await Promise.race([Promise.all(this.#underWay), late]);
    clearTimeout(timer);
  }

  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#exchanges.close();
    // A socket that is closed drops what it has not sent.
    if (this.#unsent > 0) {
      await new Promise<void>((resolve) => {
        this.#allSent = resolve;
      });
    }
    await new Promise<void>((resolve) => this.#socket.close(resolve));
  }

  #receive(bytes: Buffer, { address, port }: RemoteInfo): void {
    if (port === 0) return; // nothing can be sent there
    const peer = { address, port, key: `${address}|${port}` };
    const decoded = decodeMessage(bytes);
    if (!decoded.ok) {
      this.counts.malformed++;
      this.#log.debug({ event: 'coap.malformed', address, problem: decoded.problem }, 'not a CoAP message');
      if (decoded.reset !== undefined) this.#write(peer, empty('rst', decoded.reset));
      return;
    }
    const { message } = decoded;
    const { type, code, id } = message;
    if (type === 'ack' || type === 'rst') {
      this.#exchanges.heard(peer, id, type === 'rst' ? 'reset' : 'acknowledged');
    } else if (code === CODES.empty || code >> 5 !== 0) {
      if (type === 'con') this.#write(peer, empty('rst', id)); // a ping, or an answer that nobody asked for
    } else if (this.#state === 'open') this.#request(message, peer);
  }

  #request(message: CoapMessage, peer: Peer): void {
    const { id, token, type } = message;
    const known = this.#recent.find(peer, id);
    if (known) {
      this.counts.repeated++;
      if (known.answer) this.#write(peer, known.answer);
      return;
    }
    this.counts.requests++;
    if (this.#underWay.size >= this.#options.maxRequests) {
      this.counts.busy++;
      const reply = { code: CODES.unavailable, token, options: [], payload: NOTHING };
      const answer: CoapMessage =
        type === 'con' ? { ...reply, type: 'ack', id } : { ...reply, type: 'non', id: this.#ids.next(peer) };
      this.#write(peer, encodeMessage(answer));
      return;
    }
    const run = this.#answer(message, peer).catch((error: unknown) =>
      this.#log.error({ event: 'coap.failed', err: error }, 'coap request failed'),
    );
    this.#underWay.add(run);
    void run.then(() => this.#underWay.delete(run));
  }

  async #answer(message: CoapMessage, peer: Peer): Promise<void> {
    const { type, id } = message;
    const token = Buffer.from(message.token);
    const entry = this.#recent.add(peer, id);
    let acknowledged = false;
    const acknowledge = (): void => {
      acknowledged = true;
      const ack = empty('ack', id);
      this.#recent.answered(entry, ack);
      this.#write(peer, ack);
    };
    const timer = type === 'con' ? setTimeout(acknowledge, this.#options.piggybackMs) : undefined;
    const reply = await this.#handler(message, peer).finally(() => clearTimeout(timer));
    if (!reply) return;
    const { code, options, payload } = reply;
    if (acknowledged) {
      // Whether it arrives is the peer's business: the request asks again when it does not.
      void this.confirm(peer, token, reply);
    } else {
      const separate = type === 'non';
      const answer = encodeMessage({
        type: separate ? 'non' : 'ack',
        id: separate ? this.#ids.next(peer) : id,
        code,
        token,
        options,
        payload,
      });
      this.#recent.answered(entry, answer);
      this.#write(peer, answer);
    }
    reply.written?.();
  }

  /** Never throws: what cannot be sent is lost, as any datagram may be. */
  #write({ address, port }: Peer, bytes: Buffer): void {
    if (this.#state === 'closed') return;
    this.#unsent++;
    this.#socket.send(bytes, port, address, (error) => {
      if (--this.#unsent === 0) this.#allSent?.();
      if (error) this.#log.debug({ event: 'coap.unsent', address, err: error }, 'datagram not sent');
    });
  }

  #widen(): void {
    try {
      this.#socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
    } catch (error) {
      this.#log.debug({ event: 'coap.buffer', err: error }, 'the receive buffer stays as it is');
    }
  }
}

const empty = (type: 'ack' | 'rst', id: number): Buffer =>
  encodeMessage({ type, code: CODES.empty, id, token: NOTHING, options: [], payload: NOTHING });
