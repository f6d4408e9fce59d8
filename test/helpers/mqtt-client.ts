import { connect, type Socket } from 'node:net';
import mqtt, {
  type IConnackPacket,
  type IConnectPacket,
  type IPublishPacket,
  type ISubackPacket,
  type Packet,
  type QoS,
} from 'mqtt-packet';

export interface ConnectOptions {
  readonly port: number;
  readonly version?: 4 | 5;
  readonly clientId?: string;
  readonly userName?: string;
  readonly password?: string;
  /** Seconds; 0 = none. Default 60. */
  readonly keepalive?: number;
  readonly properties?: NonNullable<IConnectPacket['properties']>;
}

/** A plain MQTT client for tests: shows every packet as it came, answers nothing by itself. */
export class MqttClient implements AsyncDisposable {
  readonly #socket: Socket;
  readonly #version: 4 | 5;
  readonly #packets: Packet[] = [];
  #closed = false;
  #changed: () => void = () => {};
  #nextId = 0;

  constructor(socket: Socket, version: 4 | 5) {
    this.#socket = socket;
    this.#version = version;
    const parser = mqtt.parser({ protocolVersion: version });
    parser.on('packet', (packet) => {
      this.#packets.push(packet);
      this.#changed();
    });
    socket.on('data', (chunk) => parser.parse(chunk));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#closed = true;
      this.#changed();
    });
  }

  /** Opens the socket and sends CONNECT; the CONNACK is the first packet to read. */
  static async open(options: ConnectOptions): Promise<MqttClient> {
    const client = await MqttClient.raw(options);
    client.sendConnect(options);
    return client;
  }

  /** Opens the socket and sends nothing. */
  static async raw({ port, version = 4 }: Pick<ConnectOptions, 'port' | 'version'>): Promise<MqttClient> {
    const socket = connect(port, '127.0.0.1');
    socket.setNoDelay(true);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return new MqttClient(socket, version);
  }

  /** The CONNECT packet alone, for a socket of the caller's. */
  sendConnect(options: Omit<ConnectOptions, 'port' | 'version'>): void {
    this.send({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: this.#version,
      clean: true,
      keepalive: options.keepalive ?? 60,
      clientId: options.clientId ?? '',
      ...(options.properties === undefined ? {} : { properties: options.properties }),
      ...(options.userName === undefined ? {} : { username: options.userName }),
      ...(options.password === undefined ? {} : { password: Buffer.from(options.password) }),
    });
  }

  /** Opens and expects to be let in. */
  static async connect(options: ConnectOptions): Promise<MqttClient> {
    const client = await MqttClient.open(options);
    const code = await client.connack();
    if (code !== 0) throw new Error(`CONNACK ${code}`);
    return client;
  }

  send(...packets: readonly Packet[]): void {
    const bytes = packets.map((packet) => mqtt.generate(packet, { protocolVersion: this.#version }));
    this.#socket.write(Buffer.concat(bytes));
  }

  /** Reads nothing until `resume`. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  write(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  /** The next packet of these commands (any when none is named); others stay. Fails when the deadline passes or the connection ends. */
  async next(cmd?: Packet['cmd'], deadlineMs = 5000): Promise<Packet> {
    const packet = await this.#wait(() => {
      const at = this.#packets.findIndex((one) => cmd === undefined || one.cmd === cmd);
      return at < 0 ? undefined : this.#packets.splice(at, 1)[0];
    }, deadlineMs);
    if (!packet) throw new Error(`no ${cmd ?? 'packet'}: ${this.#closed ? 'the connection ended' : 'deadline'}`);
    return packet;
  }

  async connack(): Promise<number> {
    const packet = (await this.next('connack')) as IConnackPacket;
    return packet.reasonCode ?? packet.returnCode ?? 0;
  }

  /** QoS 1; resolves with the reason code of the PUBACK (0 on 3.1.1). */
  async publish(topic: string, payload: string | Buffer): Promise<number> {
    const messageId = this.#id();
    this.send({ cmd: 'publish', topic, payload, qos: 1, dup: false, retain: false, messageId });
    const packet = (await this.next('puback')) as Packet & { messageId?: number; reasonCode?: number };
    if (packet.messageId !== messageId) throw new Error(`PUBACK of ${packet.messageId}, not ${messageId}`);
    return packet.reasonCode ?? 0;
  }

  publishQos0(topic: string, payload: string): void {
    this.send({ cmd: 'publish', topic, payload, qos: 0, dup: false, retain: false });
  }

  async subscribe(...filters: readonly (string | readonly [string, QoS])[]): Promise<readonly number[]> {
    const subscriptions = filters.map((filter) =>
      typeof filter === 'string' ? { topic: filter, qos: 1 as QoS } : { topic: filter[0], qos: filter[1] },
    );
    this.send({ cmd: 'subscribe', messageId: this.#id(), subscriptions });
    return ((await this.next('suback')) as ISubackPacket).granted as readonly number[];
  }

  /** The next message as `topic payload`. */
  async message(deadlineMs = 5000): Promise<string> {
    const packet = (await this.next('publish', deadlineMs)) as IPublishPacket;
    return `${packet.topic} ${packet.payload.toString()}`;
  }

  /** Waits for the end of the connection; gives the code of the DISCONNECT before it, on MQTT 5. */
  async ended(deadlineMs = 5000): Promise<number | undefined> {
    const closed = await this.#wait(() => (this.#closed ? true : undefined), deadlineMs);
    if (!closed) throw new Error('the connection is still open');
    const farewell = this.#packets.find((packet) => packet.cmd === 'disconnect') as { reasonCode?: number } | undefined;
    return farewell?.reasonCode;
  }

  /** Fails when the server has ended the connection; asks with a PINGREQ. */
  async alive(): Promise<void> {
    this.send({ cmd: 'pingreq' });
    await this.next('pingresp');
  }

  /** Packets that came and were not read. */
  get unread(): readonly string[] {
    return this.#packets.map((packet) => packet.cmd);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy();
    await this.#wait(() => (this.#closed ? true : undefined), 1000);
  }

  #id(): number {
    this.#nextId = (this.#nextId % 0xffff) + 1;
    return this.#nextId;
  }

  #wait<T>(look: () => T | undefined, deadlineMs: number): Promise<T | undefined> {
    return new Promise((resolve) => {
      const check = (): void => {
        const found = look();
        if (found === undefined && !this.#closed) return;
        clearTimeout(timer);
        this.#changed = () => {};
        resolve(found);
      };
      const timer = setTimeout(() => {
        this.#changed = () => {};
        resolve(look());
      }, deadlineMs);
      this.#changed = check;
      check();
    });
  }
}
