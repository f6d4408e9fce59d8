import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import {
  type Answer,
  AnswerReader,
  connectFrame,
  DISCONNECT,
  type MqttVersion,
  PINGREQ,
  pubackFrame,
  publishFrame,
} from './simulate-frames.ts';

/** The broker, and how to speak to it. */
export interface Target {
  readonly host: string;
  readonly port: number;
  readonly version: MqttVersion;
  /** Trusted certificate authority in PEM: TLS is spoken. */
  readonly ca?: string;
}

export type Opening =
  | { readonly kind: 'open'; readonly link: Link }
  | { readonly kind: 'refused'; readonly code: number }
  /** The connection was made, and ended without a CONNACK. */
  | { readonly kind: 'closed' }
  | { readonly kind: 'unreachable'; readonly error: unknown };

const KEEPALIVE_SECONDS = 60;
const OPENING_DEADLINE_MS = 30_000;

/** One MQTT connection of one meter. Its owner sets the two callbacks and hears of every packet and of the end, once. */
export class Link {
  onAnswer: (answer: Answer) => void = () => {};
  onEnd: () => void = () => {};
  readonly #socket: Socket;
  readonly #version: MqttVersion;
  #nextId = 0;
  #ended = false;

  private constructor(socket: Socket, version: MqttVersion) {
    this.#socket = socket;
    this.#version = version;
    const reader = new AnswerReader(version);
    socket.on('data', (chunk) => this.#take(reader, chunk));
    socket.on('error', () => {});
    socket.on('close', () => this.#end());
  }

  /** Connects and waits for the CONNACK; never rejects. The signal gives up at once. */
  static open(target: Target, userName: string, clientId: string, giveUp: AbortSignal): Promise<Opening> {
    return new Promise((resolve) => {
      const { host, port, version, ca } = target;
      const socket = ca === undefined ? connect({ host, port }) : connectTls({ host, port, ca });
      let made = false;
      let why: unknown = new Error(`nothing within ${OPENING_DEADLINE_MS / 1000} s`);
      const link = new Link(socket, version);
      const settle = (opening: Opening): void => {
        clearTimeout(timer);
        giveUp.removeEventListener('abort', abort);
        link.onAnswer = () => {};
        link.onEnd = () => {};
        if (opening.kind !== 'open') link.drop();
        resolve(opening);
      };
      const abort = (): void => link.drop();
      giveUp.addEventListener('abort', abort);
      const timer = setTimeout(abort, OPENING_DEADLINE_MS);
      socket.on('error', (error) => {
        why = error;
      });
      socket.once(ca === undefined ? 'connect' : 'secureConnect', () => {
        made = true;
        socket.setNoDelay(true);
        socket.write(connectFrame({ version, clientId, userName, keepalive: KEEPALIVE_SECONDS }));
      });
      link.onEnd = () => settle(made ? { kind: 'closed' } : { kind: 'unreachable', error: why });
      link.onAnswer = (answer) => {
        if (answer.kind !== 'connack') return;
        settle(answer.code === 0 ? { kind: 'open', link } : { kind: 'refused', code: answer.code });
      };
      if (giveUp.aborted) abort();
    });
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** QoS 1; gives the packet id. */
  publish(topic: string, payload: string | Buffer): number {
    this.#nextId = (this.#nextId % 0xffff) + 1;
    this.write(publishFrame(this.#version, topic, this.#nextId, Buffer.from(payload)));
    return this.#nextId;
  }

  write(bytes: Buffer): void {
    if (!this.#socket.destroyed) this.#socket.write(bytes);
  }

  ping(): void {
    this.write(PINGREQ);
  }

  /** Says goodbye and ends. */
  leave(): void {
    if (!this.#socket.destroyed) this.#socket.end(DISCONNECT);
    // A broker that keeps its half open would hold the process.
    this.#socket.setTimeout(2_000, () => this.#socket.destroy());
  }

  /** Ends without a word, as a power cut does. */
  drop(): void {
    this.#socket.destroy();
  }

  #take(reader: AnswerReader, chunk: Buffer): void {
    try {
      for (const answer of reader.read(chunk)) {
        if (answer.kind === 'publish' && answer.id !== undefined) this.write(pubackFrame(answer.id));
        this.onAnswer(answer);
      }
    } catch {
      // Not MQTT: the peer is no broker, or not any more.
      this.drop();
    }
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.onEnd();
  }
}

/** The first answer that `find` takes, or undefined when the connection ends or the deadline passes. */
export function answerOn<T>(link: Link, deadlineMs: number, find: (answer: Answer) => T | undefined) {
  return new Promise<T | undefined>((resolve) => {
    const settle = (found: T | undefined): void => {
      clearTimeout(timer);
      link.onAnswer = () => {};
      link.onEnd = () => {};
      resolve(found);
    };
    const timer = setTimeout(() => settle(undefined), deadlineMs);
    link.onEnd = () => settle(undefined);
    link.onAnswer = (answer) => {
      const found = find(answer);
      if (found !== undefined) settle(found);
    };
    if (link.ended) settle(undefined);
  });
}
