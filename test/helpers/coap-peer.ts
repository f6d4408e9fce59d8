import { createSocket, type Socket } from 'node:dgram';
import { generate, type Packet, type ParsedPacket, parse } from 'coap-packet';

const DEADLINE_MS = 10_000;

type Told = readonly (readonly [name: string, value: Buffer | string])[];

export interface Asked {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** `/a/b?c=d` */
  readonly path: string;
  readonly payload?: string | Buffer;
  readonly options?: Told;
  readonly token?: Buffer;
  readonly confirmable?: boolean;
  readonly id?: number;
}

/** A CoAP peer that does nothing by itself: each datagram is sent and read by the test. Codec: coap-packet. */
export class CoapPeer implements AsyncDisposable {
  readonly #socket: Socket;
  readonly #port: number;
  readonly #came: Buffer[] = [];
  readonly #waiting: ((bytes: Buffer) => void)[] = [];
  #id = 1;

  private constructor(socket: Socket, port: number) {
    this.#socket = socket;
    this.#port = port;
    socket.on('message', (bytes) => {
      const next = this.#waiting.shift();
      if (next) next(bytes);
      else this.#came.push(bytes);
    });
  }

  static async open(port: number): Promise<CoapPeer> {
    const socket = createSocket('udp4');
    await new Promise<void>((done) => socket.bind(0, '127.0.0.1', done));
    return new CoapPeer(socket, port);
  }

  /** Sends a packet, or bytes as they are. */
  send(packet: Packet | Buffer): Promise<void> {
    const bytes = Buffer.isBuffer(packet) ? packet : generate(packet, 70_000);
    return new Promise((done, failed) => {
      this.#socket.send(bytes, this.#port, '127.0.0.1', (error) => (error ? failed(error) : done()));
    });
  }

  /** Sends a request and gives its message id. */
  async ask({
    method = 'GET',
    path,
    payload = '',
    options = [],
    token,
    confirmable = true,
    id,
  }: Asked): Promise<number> {
    const [route = '', query] = path.split('?');
    const messageId = id ?? this.#id++;
    await this.send({
      code: method,
      messageId,
      confirmable,
      token: token ?? Buffer.from([messageId >> 8, messageId & 0xff]),
      payload: Buffer.from(payload),
      options: [
        ...route.split('/').flatMap((part, i) => (i === 0 ? [] : [{ name: 'Uri-Path', value: Buffer.from(part) }])),
        ...(query?.split('&') ?? []).map((part) => ({ name: 'Uri-Query', value: Buffer.from(part) })),
        ...options.map(([name, value]) => ({ name, value: Buffer.from(value) })),
      ],
    });
    return messageId;
  }

  /** The next datagram. Rejects when none comes. */
  async nextBytes(): Promise<Buffer> {
    const came = this.#came.shift();
    if (came) return came;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('no datagram came')), DEADLINE_MS);
      this.#waiting.push((bytes) => {
        clearTimeout(timer);
        resolve(bytes);
      });
    });
  }

  async next(): Promise<ParsedPacket> {
    return parse(await this.nextBytes());
  }

  /** Sends a request and gives its answer, whether it comes with the acknowledgement or after it; acknowledges the latter. */
  async call(asked: Asked): Promise<ParsedPacket> {
    await this.ask(asked);
    const first = await this.next();
    if (first.code !== '0.00') return first;
    const answer = await this.next();
    await this.acknowledge(answer);
    return answer;
  }

  acknowledge({ messageId }: Pick<ParsedPacket, 'messageId'>): Promise<void> {
    return this.send({ code: '0.00', ack: true, messageId });
  }

  reset({ messageId }: Pick<ParsedPacket, 'messageId'>): Promise<void> {
    return this.send({ code: '0.00', reset: true, messageId });
  }

  /** Datagrams that came and were not read. Ask only when an answer to a later request has come. */
  get unread(): number {
    return this.#came.length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((done) => this.#socket.close(done));
  }
}

export const optionOf = (packet: ParsedPacket, name: string): Buffer | undefined =>
  packet.options.find((option) => option.name === name)?.value;

/** Number, more, size exponent of Block1 or Block2. */
export function blockOf(
  packet: ParsedPacket,
  name: 'Block1' | 'Block2',
): readonly [number, boolean, number] | undefined {
  const value = optionOf(packet, name);
  if (value === undefined) return undefined;
  const word = value.length === 0 ? 0 : value.readUIntBE(0, value.length);
  return [word >> 4, (word & 8) !== 0, word & 7];
}

export function blockValue(number: number, more: boolean, exponent: number): Buffer {
  const word = (number << 4) | (more ? 8 : 0) | exponent;
  const bytes = Buffer.from([word >> 16, (word >> 8) & 0xff, word & 0xff]);
  return bytes.subarray(bytes.findIndex((byte, i) => byte !== 0 || i === 2));
}

/** Answer's code and text. */
export const said = ({ code, payload }: ParsedPacket): readonly [string, string] => [code, payload.toString()];
