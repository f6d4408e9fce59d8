import { bytesOf, connectPacket, DeadlineError, RawMqtt, type RawPacket } from '../../helpers/mqtt-raw.ts';
import type { Case, Step } from './corpus.ts';
import { type Meaning, meaningOf, packetFrom, textOf } from './meaning.ts';

export interface Target {
  readonly port: number;
  /** User name of the runner's own CONNECT. */
  readonly username?: string;
  /** Publishes from outside the connection, when the broker offers that. */
  readonly publish?: (topic: string, payload: string, qos: 0 | 1 | 2) => Promise<void>;
}

/** What came other than the case wants, in words short enough to list. */
export interface Difference {
  readonly id: string;
  readonly want: string;
  readonly got: string;
}

const stepMs = 2000;
const pingreq = Buffer.from([0xc0, 0]);

/** Plays one case on its own connection. Undefined when the broker did all that the case wants. */
export async function runCase(target: Target, test: Case): Promise<Difference | undefined> {
  await using raw = await RawMqtt.connect(target.port);
  const player = new Player(raw, target, test.version);
  const wrong =
    (test.connect ? await player.connect() : undefined) ?? (await player.play(test.steps)) ?? (await player.end(test));
  return wrong && { id: test.id, ...wrong };
}

type Wrong = { readonly want: string; readonly got: string };

class Player {
  readonly #raw: RawMqtt;
  readonly #target: Target;
  readonly #version: 3 | 4 | 5;
  readonly #unread: Meaning[] = [];
  #read = 0;
  /** The id a case expects of a message from the server, and the one it has. */
  readonly #ids = new Map<number, number>();

  constructor(raw: RawMqtt, target: Target, version: 3 | 4 | 5) {
    this.#raw = raw;
    this.#target = target;
    this.#version = version;
  }

  async connect(): Promise<Wrong | undefined> {
    const { username } = this.#target;
    this.#raw.send(connectPacket(this.#version, 'packet-test', username === undefined ? {} : { username }));
    return await this.#expect({ about: 'connack', says: '00' });
  }

  async play(steps: readonly Step[]): Promise<Wrong | undefined> {
    for (const step of steps) {
      const wrong = await this.#step(step);
      if (wrong) return wrong;
    }
    return undefined;
  }

  /** A case that ends well leaves a connection that still answers; any other leaves none. */
  async end(test: Case): Promise<Wrong | undefined> {
    if (!test.expectDisconnect) {
      this.#raw.send(pingreq);
      return await this.#expect({ about: 'pingresp', says: '' });
    }
    try {
      await this.#raw.closing(stepMs);
      return undefined;
    } catch {
      return { want: 'disconnected', got: 'open' };
    }
  }

  async #step(step: Step): Promise<Wrong | undefined> {
    if (step.type === 'recv') return await this.#expect(this.#renamed(packetFrom(bytesOf(step.payload))));
    if (step.type === 'send') {
      this.#raw.send(this.#withIds(bytesOf(step.payload)));
      return undefined;
    }
    if (!this.#target.publish) return { want: 'a publish from outside', got: 'not offered' };
    await this.#target.publish(step.topic ?? '', step.payload, step.qos ?? 0);
    return undefined;
  }

  /** Packets may come in any order, as far as they answer different questions. */
  async #expect(want: Meaning): Promise<Wrong | undefined> {
    const answer = () => this.#unread.find((got) => got.about === want.about);
    try {
      await this.#raw.until(() => this.#take() || answer() !== undefined || this.#raw.closed, textOf(want), stepMs);
    } catch (error) {
      if (!(error instanceof DeadlineError)) throw error;
    }
    const got = answer();
    if (!got) {
      const other = this.#unread[0];
      return { want: textOf(want), got: other ? textOf(other) : this.#raw.closed ? 'closed' : 'silence' };
    }
    this.#unread.splice(this.#unread.indexOf(got), 1);
    if (want.publishId !== undefined && got.publishId !== undefined) this.#ids.set(want.publishId, got.publishId);
    return got.says === want.says ? undefined : { want: textOf(want), got: textOf(got) };
  }

  #take(): false {
    for (; this.#read < this.#raw.received.length; this.#read++)
      this.#unread.push(meaningOf(this.#raw.received[this.#read] as RawPacket, this.#version));
    return false;
  }

  #renamed(packet: RawPacket): Meaning {
    const id = packet.first === 0x62 ? this.#ids.get(packet.body.readUInt16BE(0)) : undefined;
    if (id === undefined) return meaningOf(packet, this.#version);
    const body = Buffer.from(packet.body);
    body.writeUInt16BE(id, 0);
    return meaningOf({ first: packet.first, body }, this.#version);
  }

  /** Acknowledgements of the server's messages carry the id that the server chose. */
  #withIds(bytes: Buffer): Buffer {
    const type = (bytes[0] ?? 0) >> 4;
    if ((type !== 4 && type !== 5 && type !== 7) || bytes.length < 4) return bytes;
    const id = this.#ids.get(bytes.readUInt16BE(2));
    if (id !== undefined) bytes.writeUInt16BE(id, 2);
    return bytes;
  }
}
