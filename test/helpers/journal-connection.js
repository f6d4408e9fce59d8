import { connect } from 'node:net';
import mqttPacket from 'mqtt-packet';

const DIAL_MS = 5_000;
const LOGIN_MS = 10_000;

let serial = 0;

/** A raw MQTT connection that notes each packet that matters: what it sends before it does, what it gets at once. */
export class JournalConnection {
  /** Gives undefined when nobody listens. */
  static open(context, options) {
    return new Promise((resolve) => {
      const socket = connect({ host: context.host, port: context.port, noDelay: true });
      const timer = setTimeout(() => socket.destroy(), DIAL_MS);
      socket.once('connect', () => {
        clearTimeout(timer);
        resolve(new JournalConnection(context, options, socket));
      });
      socket.once('close', () => {
        clearTimeout(timer);
        resolve(undefined);
      });
      socket.on('error', () => {}); // the close that follows says it all
    });
  }

  closed = false;
  #context;
  #socket;
  #version;
  #mid = 0;
  #code;
  #inbox = [];
  #acks = [];
  #wakers = new Set();
  #ending = false;

  constructor(context, { role, device, version }, socket) {
    this.id = `${process.pid}:${++serial}`;
    this.role = role;
    this.#context = context;
    this.#socket = socket;
    this.#version = version;
    context.note({ e: 'open', conn: this.id, role, device, version });
    const parser = mqttPacket.parser({ protocolVersion: version });
    parser.on('packet', (packet) => this.#take(packet));
    parser.on('error', () => socket.destroy());
    socket.on('data', (chunk) => parser.parse(chunk));
    socket.on('close', () => {
      this.closed = true;
      if (!this.#ending) {
        context.counts.closed++;
        context.note({ e: 'closed', conn: this.id, ...(this.#code === undefined ? {} : { code: this.#code }) });
      }
      this.#wake();
    });
  }

  /** CONNACK's code, or undefined when the connection ended first. */
  async login(username) {
    const clean = {
      clean: true,
      keepalive: (this.role === 'device' ? this.#context.keepaliveS : undefined) ?? 60,
      clientId: `j${this.id}`,
      username,
    };
    const protocol = { protocolId: 'MQTT', protocolVersion: this.#version };
    this.#send({ cmd: 'connect', ...protocol, ...clean });
    this.#context.moment('connect');
    const connack = await this.#first((packet) => packet.cmd === 'connack', this.#context.patienceMs ?? LOGIN_MS);
    if (!connack) return undefined;
    const code = this.#version === 5 ? connack.reasonCode : connack.returnCode;
    this.#context.note({ e: 'connack', conn: this.id, code });
    return code;
  }

  subscribe(filter) {
    this.#send({ cmd: 'subscribe', messageId: this.#nextMid(), subscriptions: [{ topic: filter, qos: 1 }] });
  }

  /** QoS 1; a device's messages are noted with what they are. Gives the packet id. */
  publish(topic, payload, facts) {
    const messageId = this.#nextMid();
    if (facts) this.#context.note({ e: 'publish', conn: this.id, mid: messageId, topic, payload, ...facts });
    this.#send({ cmd: 'publish', qos: 1, dup: false, retain: false, messageId, topic, payload });
    return messageId;
  }

  /** The next payload on that topic; undefined when none came in time, or the connection ended. */
  async nextOn(topic, deadlineMs) {
    const packet = await this.#first(
      (candidate) => candidate.cmd === 'publish' && candidate.topic === topic,
      deadlineMs,
    );
    return packet?.payload.toString('utf8');
  }

  /** The packet id of the next acknowledged message; undefined when none came in time, or the connection ended. */
  async nextAck(deadlineMs = 3_600_000) {
    await this.#until(() => this.#acks.length > 0, deadlineMs);
    return this.#acks.shift();
  }

  /** Resolves when the connection has ended, the time is over, or `orWhen` holds as it is woken. */
  async whenClosed(deadlineMs = 3_600_000, orWhen = () => false) {
    await this.#until(orWhen, deadlineMs);
  }

  wake() {
    this.#wake();
  }

  /** As `end`, a while later: a device that comes back by another way while the network still holds this one. */
  leave(delayMs) {
    this.#ending = true;
    setTimeout(() => this.#socket.destroy(), delayMs);
  }

  end() {
    this.#ending = true;
    this.#socket.destroy();
  }

  async #first(wanted, deadlineMs) {
    const at = () => this.#inbox.findIndex(wanted);
    await this.#until(() => at() >= 0, deadlineMs);
    const found = at();
    return found < 0 ? undefined : this.#inbox.splice(found, 1)[0];
  }

  /** Resolves when the condition holds, the connection has ended, or the time is over. */
  #until(condition, deadlineMs) {
    if (condition() || this.closed) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#wakers.delete(ask);
        resolve();
      };
      const ask = () => {
        if (condition() || this.closed) done();
      };
      const timer = setTimeout(done, deadlineMs);
      this.#wakers.add(ask);
    });
  }

  #take(packet) {
    const { note, counts } = this.#context;
    switch (packet.cmd) {
      case 'publish': {
        const payload = packet.payload.toString('utf8');
        note({ e: 'received', conn: this.id, topic: packet.topic, payload });
        if (packet.qos === 1) this.#send({ cmd: 'puback', messageId: packet.messageId });
        if (this.role === 'device' && payload.includes('"attached"')) counts.attached++;
        if (this.role === 'provision') this.#inbox.push(packet);
        break;
      }
      case 'puback':
        if (this.role !== 'device') break;
        note({ e: 'ack', conn: this.id, mid: packet.messageId, code: packet.reasonCode ?? 0 });
        this.#context.moment('ack');
        this.#acks.push(packet.messageId);
        break;
      case 'disconnect':
        this.#code = packet.reasonCode;
        if (packet.reasonCode === 0x8b) counts.shutDown++;
        break;
      case 'connack':
        this.#inbox.push(packet);
        break;
    }
    this.#wake();
  }

  #send(packet) {
    if (!this.closed) this.#socket.write(mqttPacket.generate(packet, { protocolVersion: this.#version }));
  }

  #nextMid() {
    this.#mid = this.#mid >= 65_535 ? 1 : this.#mid + 1;
    return this.#mid;
  }

  #wake() {
    for (const ask of [...this.#wakers]) ask();
  }
}
