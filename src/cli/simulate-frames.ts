/** The few MQTT packets a simulated meter needs; the broker's own codec stays in the broker. */
export type MqttVersion = 4 | 5;

export interface ConnectFrame {
  readonly version: MqttVersion;
  readonly clientId: string;
  readonly userName: string;
  /** Seconds. */
  readonly keepalive: number;
}

/** A packet of the broker, as far as a meter looks at it. */
export type Answer =
  | { readonly kind: 'connack'; readonly code: number }
  | { readonly kind: 'puback'; readonly id: number; readonly code: number }
  | { readonly kind: 'publish'; readonly topic: string; readonly payload: Buffer; readonly id?: number }
  | { readonly kind: 'disconnect'; readonly code: number }
  | { readonly kind: 'other' };

export const PINGREQ = Buffer.from([0xc0, 0]);
export const DISCONNECT = Buffer.from([0xe0, 0]);

/** CONNECT with a clean session, a user name and no password. */
export function connectFrame({ version, clientId, userName, keepalive }: ConnectFrame): Buffer {
  const CLEAN_AND_USER_NAME = 0x82;
  return frame(0x10, [
    textField('MQTT'),
    Buffer.from([version, CLEAN_AND_USER_NAME, keepalive >> 8, keepalive & 0xff]),
    noProperties(version),
    textField(clientId),
    textField(userName),
  ]);
}

/** PUBLISH at QoS 1. */
export function publishFrame(version: MqttVersion, topic: string, id: number, payload: Buffer): Buffer {
  return frame(0x32, [textField(topic), Buffer.from([id >> 8, id & 0xff]), noProperties(version), payload]);
}

/** Answers a PUBLISH of QoS 1 from the broker. */
export function pubackFrame(id: number): Buffer {
  return frame(0x40, [Buffer.from([id >> 8, id & 0xff])]);
}

/** Cuts the broker's bytes into packets. Throws when they are not MQTT or announce more than `maxBytes`. */
export class AnswerReader {
  readonly #version: MqttVersion;
  readonly #maxBytes: number;
  #bytes: Buffer = Buffer.alloc(0);

  constructor(version: MqttVersion, maxBytes = 1_048_576) {
    this.#version = version;
    this.#maxBytes = maxBytes;
  }

  read(chunk: Buffer): readonly Answer[] {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    const answers: Answer[] = [];
    for (;;) {
      const head = remainingLength(this.#bytes, 1);
      if (head === undefined) return answers;
      if (head.value > this.#maxBytes) throw new Error(`a packet of ${head.value} bytes`);
      const end = head.next + head.value;
      if (this.#bytes.length < end) return answers;
      answers.push(answerOf(this.#bytes[0] ?? 0, this.#bytes.subarray(head.next, end), this.#version));
      this.#bytes = this.#bytes.subarray(end);
    }
  }
}

function answerOf(first: number, body: Buffer, version: MqttVersion): Answer {
  switch (first >> 4) {
    case 2:
      return { kind: 'connack', code: body.readUInt8(1) };
    case 3:
      return publishOf(first, body, version);
    case 4: // Without a reason code it means success. [MQTT5-3.4.2.1]
      return { kind: 'puback', id: body.readUInt16BE(0), code: body[2] ?? 0 };
    case 14:
      return { kind: 'disconnect', code: body[0] ?? 0 };
    default:
      return { kind: 'other' };
  }
}

function publishOf(first: number, body: Buffer, version: MqttVersion): Answer {
  let at = 2 + body.readUInt16BE(0);
  const topic = body.toString('utf8', 2, at);
  const needsAck = ((first >> 1) & 3) > 0;
  const id = needsAck ? body.readUInt16BE(at) : undefined;
  if (needsAck) at += 2;
  if (version === 5) {
    const properties = remainingLength(body, at);
    at = properties === undefined ? body.length : properties.next + properties.value;
  }
  return { kind: 'publish', topic, payload: body.subarray(at), ...(id === undefined ? {} : { id }) };
}

function frame(first: number, parts: readonly Buffer[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([Buffer.from([first, ...variableLength(length)]), ...parts]);
}

function variableLength(length: number): number[] {
  const bytes: number[] = [];
  for (let rest = length; ; ) {
    const low = rest & 0x7f;
    rest >>= 7;
    bytes.push(rest > 0 ? low | 0x80 : low);
    if (rest === 0) return bytes;
  }
}

/** A variable byte integer and where the bytes after it begin; undefined while it is not whole. */
function remainingLength(bytes: Buffer, at: number): { readonly value: number; readonly next: number } | undefined {
  let value = 0;
  for (let i = 0; i < 4; i++) {
    const byte = bytes[at + i];
    if (byte === undefined) return undefined;
    value += (byte & 0x7f) * 128 ** i;
    if (byte < 0x80) return { value, next: at + i + 1 };
  }
  throw new Error('a length of more than four bytes');
}

function textField(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
}

const noProperties = (version: MqttVersion): Buffer => Buffer.alloc(version === 5 ? 1 : 0);
