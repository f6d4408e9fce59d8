import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** A packet as the server sent it. */
export interface RawPacket {
  readonly first: number;
  readonly body: Buffer;
}

/** A deadline passed: what was awaited, and what had come instead. */
export class DeadlineError extends Error {}

/** An MQTT connection that knows no MQTT: bytes go out as given, packets come back uninterpreted. */
export class RawMqtt implements AsyncDisposable {
  readonly socket: Socket;
  readonly received: RawPacket[] = [];
  #bytes = Buffer.alloc(0);
  #closed = false;
  #taken = 0;
  readonly #waiting = new Set<() => void>();

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#closed = true;
      this.#wake();
    });
  }

  static async connect(port: number, host = '127.0.0.1'): Promise<RawMqtt> {
    const socket = connect({ port, host, noDelay: true });
    const raw = new RawMqtt(socket);
    await once(socket, 'connect');
    return raw;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Sends bytes, or the bytes that a notation like `10 r13 s4 'MQTT' 04 02 k10 s1 'p'` stands for. */
  send(data: Buffer | string): void {
    if (!this.socket.destroyed) this.socket.write(typeof data === 'string' ? bytesOf(data) : data);
  }

  /** The next packet, or undefined when the server has closed the connection. */
  async next(deadlineMs = 2000): Promise<RawPacket | undefined> {
    await this.until(() => this.#taken < this.received.length || this.#closed, 'a packet', deadlineMs);
    return this.#taken < this.received.length ? this.received[this.#taken++] : undefined;
  }

  /** The next packet as hex, `closed` when there is none. */
  async nextHex(deadlineMs = 2000): Promise<string> {
    const packet = await this.next(deadlineMs);
    return packet ? hexOf(packet) : 'closed';
  }

  async closing(deadlineMs = 2000): Promise<void> {
    await this.until(() => this.#closed, 'the end of the connection', deadlineMs);
  }

  /** Resolves when the condition holds; it is asked again after every byte and at the end. */
  until(condition: () => boolean, what: string, deadlineMs = 2000): Promise<void> {
    if (condition()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const ask = () => {
        if (!condition()) return;
        clearTimeout(timer);
        this.#waiting.delete(ask);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(ask);
        const seen = this.received.slice(this.#taken).map(hexOf).join(', ');
        reject(new DeadlineError(`${what} did not come within ${deadlineMs} ms; got [${seen}]`));
      }, deadlineMs);
      this.#waiting.add(ask);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    const closed = once(this.socket, 'close');
    this.socket.destroy();
    await closed;
  }

  #take(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    for (let packet = this.#cut(); packet; packet = this.#cut()) this.received.push(packet);
    this.#wake();
  }

  #cut(): RawPacket | undefined {
    let length = 0;
    for (let i = 1, factor = 1; i < this.#bytes.length && i < 5; i++, factor *= 128) {
      const byte = this.#bytes[i] ?? 0;
      length += (byte & 0x7f) * factor;
      if (byte >= 0x80) continue;
      if (this.#bytes.length < i + 1 + length) return undefined;
      const packet = { first: this.#bytes[0] ?? 0, body: this.#bytes.subarray(i + 1, i + 1 + length) };
      this.#bytes = this.#bytes.subarray(i + 1 + length);
      return packet;
    }
    return undefined;
  }

  #wake(): void {
    for (const ask of [...this.#waiting]) ask();
  }
}

export function hexOf(packet: RawPacket): string {
  return `${packet.first.toString(16).padStart(2, '0')}:${packet.body.toString('hex')}`;
}

/**
 * The bytes of a packet written in the corpus' notation: hex digits, `'text'`, and numbers with a letter for their
 * form: `r` remaining length, `v` property length, `s` `m` `k` `H` two bytes, `L` four bytes, `i` one byte.
 */
export function bytesOf(notation: string): Buffer {
  const parts: Buffer[] = [];
  for (const [token, text, letter, number] of notation.matchAll(/'([^']*)'|([rvsmkHLi])(\d+)|\S+/g)) {
    if (text !== undefined) parts.push(Buffer.from(text, 'utf8'));
    else if (letter !== undefined) parts.push(numberBytes(letter, Number(number)));
    else if (/^([0-9a-fA-F]{2})+$/.test(token)) parts.push(Buffer.from(token, 'hex'));
    else throw new Error(`unknown token ${token} in ${notation}`);
  }
  return Buffer.concat(parts);
}

function numberBytes(letter: string, value: number): Buffer {
  if (letter === 'r' || letter === 'v') return varint(value);
  const size = letter === 'L' ? 4 : letter === 'i' ? 1 : 2;
  const bytes = Buffer.alloc(size);
  bytes.writeUIntBE(value, 0, size);
  return bytes;
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest % 128) | 0x80);
  }
}

/** A packet from its first byte and the notation of its body; the remaining length is counted. */
export function packetOf(first: number, body: Buffer | string): Buffer {
  const bytes = typeof body === 'string' ? bytesOf(body) : body;
  return Buffer.concat([Buffer.from([first]), varint(bytes.length), bytes]);
}

/** CONNECT of a clean session with keep alive 60. */
export function connectPacket(version: 3 | 4 | 5, clientId: string, login: { username?: string } = {}): Buffer {
  const text = (value: string) => Buffer.concat([numberBytes('s', Buffer.byteLength(value)), Buffer.from(value)]);
  const flags = login.username === undefined ? 0x02 : 0x82;
  return packetOf(
    0x10,
    Buffer.concat([
      text(version === 3 ? 'MQIsdp' : 'MQTT'),
      Buffer.from([version, flags, 0, 60]),
      version === 5 ? Buffer.from([0]) : Buffer.alloc(0),
      text(clientId),
      ...(login.username === undefined ? [] : [text(login.username)]),
    ]),
  );
}
