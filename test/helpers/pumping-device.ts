import type { IPubackPacket } from 'mqtt-packet';
import { MqttClient } from './mqtt-client.ts';

const RETRY_MS = 100;
/** Longer than any outage of a test: that the connection stands is asked of the connection. */
const PATIENCE_MS = 120_000;

/** One end of a session that the device did not bring about. */
export interface Loss {
  /** For how long its oldest message had waited for an acknowledgement, ms; 0 when none did. */
  readonly waitedMs: number;
}

/**
 * A device that sends numbered messages, so many unacknowledged, for as long as it is let, over as many connections as it takes;
 * what was not acknowledged is sent again first.
 */
export class PumpingDevice {
  readonly acked: number[] = [];
  readonly losses: Loss[] = [];
  readonly #options: PumpingOptions;
  #unacked: { seq: number; messageId: number; sentAt: number }[] = [];
  #seq = 0;
  #stopping = false;
  readonly #running: Promise<void>;

  constructor(options: PumpingOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  /** Sends nothing new, and resolves when everything is acknowledged. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    const { ports, token } = this.#options;
    for (let at = 0; !(this.#stopping && this.#unacked.length === 0); at++) {
      const port = ports[at % ports.length] ?? 0;
      const client = await MqttClient.open({ port, userName: token }).catch(() => undefined);
      const code = await client?.connack().catch(() => undefined);
      if (client !== undefined && code === 0) await this.#pump(client).catch(() => undefined);
      await client?.[Symbol.asyncDispose]();
      if (code !== 0) await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  async #pump(client: MqttClient): Promise<void> {
    for (const one of this.#unacked) this.#send(client, one);
    for (;;) {
      while (!this.#stopping && this.#unacked.length < this.#options.window) {
        const one = { seq: ++this.#seq, messageId: (this.#seq % 0xffff) + 1, sentAt: 0 };
        this.#unacked.push(one);
        this.#send(client, one);
      }
      if (this.#unacked.length === 0) return;
      const ack = (await client.next('puback', PATIENCE_MS).catch(() => undefined)) as IPubackPacket | undefined;
      if (ack === undefined) {
        const oldest = Math.min(...this.#unacked.map(({ sentAt }) => sentAt));
        this.losses.push({ waitedMs: performance.now() - oldest });
        return;
      }
      const found = this.#unacked.find(({ messageId }) => messageId === ack.messageId);
      this.#unacked = this.#unacked.filter((one) => one !== found);
      if (found !== undefined) this.acked.push(found.seq);
      await new Promise((resolve) => setTimeout(resolve, this.#options.paceMs));
    }
  }

  #send(client: MqttClient, one: { readonly seq: number; readonly messageId: number; sentAt: number }): void {
    const { seq, messageId } = one;
    one.sentAt = performance.now();
    client.send({ cmd: 'publish', ...this.#options.message(seq), qos: 1, dup: false, retain: false, messageId });
  }
}

export interface PumpingOptions {
  /** Of the brokers: another one for each connection. */
  readonly ports: readonly number[];
  readonly token: string;
  readonly message: (seq: number) => { readonly topic: string; readonly payload: string };
  readonly window: number;
  /** Pause behind each acknowledgement, ms. */
  readonly paceMs: number;
}
