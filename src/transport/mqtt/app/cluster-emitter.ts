import { deserialize, serialize } from 'node:v8';
import mqemitter from 'mqemitter';
import type { Bus } from '../../../cluster/bus.ts';

interface Message {
  readonly topic: string;
  readonly payload?: unknown;
}
type Listener = (message: Message, done: () => void) => void;
type Done = (error?: Error) => void;

/** What mqemitter 7.1.0 is; its types leave out that it is a class. */
interface LocalEmitter {
  readonly closed: boolean;
  on(topic: string, listener: Listener, done?: () => void): this;
  removeListener(topic: string, listener: Listener, done?: () => void): this;
  emit(message: Message, done?: Done): unknown;
  close(done: () => void): this;
}
const Local = mqemitter as unknown as new (options: object) => LocalEmitter;

export interface ClusterEmitterOptions {
  /** Absent: there are no other brokers. */
  readonly bus: Bus | undefined;
  readonly onError: (error: unknown) => void;
  /** How topics match, in words of mqemitter; MQTT's way when absent. */
  readonly matching?: object;
  /** Pause before brokers that could not be told are told to look for themselves, ms. */
  readonly lookMs?: number;
}

const LOOK_MS = 1_000;

/** What other brokers must hear of: messages, and who has subscribed. */
const SHARED = /^(?:app\/|\$SYS\/sub\/)/;

/**
 * aedes' emitter over the bus between brokers: here at once, and in every other broker in the same order, also when its
 * connection to Redis breaks meanwhile. Nothing waits for those who listen.
 */
export class ClusterEmitter extends Local {
  readonly #bus: Bus | undefined;
  readonly #onError: (error: unknown) => void;
  readonly #leave: (() => void) | undefined;
  readonly #lookMs: number;
  #looking: NodeJS.Timeout | undefined;

  constructor({ bus, onError, matching, lookMs = LOOK_MS }: ClusterEmitterOptions) {
    super({ matchEmptyLevels: true, ...matching, concurrency: 0 });
    this.#bus = bus;
    this.#onError = onError;
    this.#lookMs = lookMs;
    this.#leave = bus?.subscribe((message) => {
      if (message.type !== 'app-packet') return;
      const packet = packetOf(message.packet);
      if (packet) super.emit(packet);
      else onError(new Error('a packet from another broker cannot be read'));
    });
  }

  override emit(message: Message, done?: Done): this {
    const told = this.#tell(message);
    // Who has subscribed must be known everywhere before the client hears that it has.
    const finish = told && done ? (error?: Error) => void told.then(() => done(error), done) : done;
    if (!finish) told?.catch(this.#onError);
    super.emit(message, finish);
    return this;
  }

  /** Others still hear of what is emitted afterwards: a broker that stops finishes what it has accepted. */
  override close(done: () => void): this {
    this.#leave?.();
    clearTimeout(this.#looking);
    return super.close(done);
  }

  #tell(message: Message): Promise<void> | undefined {
    if (!this.#bus || !SHARED.test(message.topic)) return undefined;
    const packet = serialize({ ...message }).toString('base64');
    return this.#bus.publish('all', { type: 'app-packet', packet }).catch((error: unknown) => {
      this.#tellToLook();
      throw error;
    });
  }

  /** What is stored is in queues of clients that others have, and nobody has told those. */
  #tellToLook(): void {
    this.#looking ??= setTimeout(() => {
      this.#looking = undefined;
      this.#bus?.publish('all', { type: 'app-look' }).catch(() => this.#tellToLook());
    }, this.#lookMs).unref();
  }
}

function packetOf(text: string): Message | undefined {
  try {
    const found = deserialize(Buffer.from(text, 'base64')) as Message;
    if (typeof found?.topic !== 'string' || !SHARED.test(found.topic)) return undefined;
    return found.payload instanceof Uint8Array ? { ...found, payload: Buffer.from(found.payload) } : found;
  } catch {
    return undefined;
  }
}
