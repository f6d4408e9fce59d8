import { once } from 'node:events';
import type { Client } from 'aedes';
import type { QoS } from 'mqtt-packet';
import type { Device, OtaDownload, OtaDownloads, OtaLookup } from '../../device-api/index.ts';
import type { OtaKind } from '../../model/ota.ts';
import { disconnectClient } from './aedes-private.ts';
import { type PublishVerdict, sendAt, sendTo } from './connection.ts';
import { streamPublish } from './large-publish.ts';
import { reasonCodes } from './reason-codes.ts';

/** A request for one chunk of a package; `id` is the requester's, decimal text. */
export interface ChunkRequest {
  readonly package: OtaKind;
  readonly id: string;
  /** Counted from 0. */
  readonly chunk: number;
  readonly answerTopic: string;
}

const MAX_CHUNK_BYTES = 65_536;
/** Requests whose answer is not written yet. */
const MAX_WAITING = 64;
/** Request ids that keep their package; the oldest goes first. */
const MAX_PINNED = 16;
/** A device that takes nothing for so long is closed, ms. */
const STALL_MS = 30_000;
const STREAM_BLOCK_BYTES = 65_536;

/** Software errors go there too, as ThingsBoard's do. */
const ERROR_TOPIC = 'v2/fw/error';
const FAILED: PublishVerdict = { kind: 'close', code: reasonCodes.implementationSpecific };

interface Pinned {
  readonly lookup: Promise<OtaLookup>;
  /** Bytes of a chunk as last asked for; 0 = the whole binary in one message. */
  size: number;
}

export interface OtaSessionParts {
  readonly client: Client;
  readonly device: Device;
  readonly downloads: OtaDownloads;
  /** QoS of a granted filter. */
  readonly qosOf: (filter: string) => QoS | undefined;
}

/** Chunk requests of one connection (thingsboard-device-api 3.12.3-6), answered one by one, as fast as the device reads. */
export class OtaSession {
  readonly #parts: OtaSessionParts;
  readonly #pinned = new Map<string, Pinned>();
  #waiting = 0;
  #writes: Promise<void> = Promise.resolve();

  constructor(parts: OtaSessionParts) {
    this.#parts = parts;
  }

  request(request: ChunkRequest, payload: Buffer, finish: (verdict: PublishVerdict) => void): void {
    const text = payload.subarray(0, 12).toString('latin1');
    if (!/^\d{0,10}$/.test(text)) {
      finish({ kind: 'close', code: reasonCodes.serverShuttingDown }); // 3.11: a size that is no number
      return;
    }
    if (Number(text) > MAX_CHUNK_BYTES) {
      this.#fail('PAYLOAD_TOO_LARGE', finish);
      return;
    }
    if (this.#waiting >= MAX_WAITING) {
      finish({ kind: 'close', code: reasonCodes.quotaExceeded });
      return;
    }
    this.#waiting++;
    const pinned = this.#pin(request);
    if (text !== '') pinned.size = Number(text);
    void this.#answer(request, pinned.lookup, pinned.size, finish);
  }

  #pin({ package: kind, id }: ChunkRequest): Pinned {
    const key = `${kind}/${id}`;
    const known = this.#pinned.get(key);
    if (known) return known;
    const [oldest] = this.#pinned.keys();
    if (oldest !== undefined && this.#pinned.size >= MAX_PINNED) this.#pinned.delete(oldest);
    const pinned: Pinned = { lookup: this.#parts.downloads.find(this.#parts.device, kind), size: 0 };
    this.#pinned.set(key, pinned);
    return pinned;
  }

  async #answer(
    request: ChunkRequest,
    lookup: Promise<OtaLookup>,
    size: number,
    finish: (verdict: PublishVerdict) => void,
  ): Promise<void> {
    const found = await lookup;
    switch (found.kind) {
      case 'not-found':
        return this.#fail('NOT_FOUND', finish);
      case 'no-content':
        return this.#fail('FAILURE', finish);
      case 'rate-limited':
      case 'failed':
        return finish(FAILED);
      case 'download': {
        finish({ kind: 'ack' });
        const { download } = found;
        this.#writes = this.#writes
          .then(() => this.#write(request, download, size))
          .catch(() => disconnectClient(this.#parts.client, reasonCodes.implementationSpecific))
          .finally(() => this.#waiting--);
      }
    }
  }

  async #write({ answerTopic, chunk }: ChunkRequest, download: OtaDownload, size: number): Promise<void> {
    const { client } = this.#parts;
    const filter = answerTopic.replace(/\/\d+\/chunk\/\d+$/, '/+/chunk/+');
    const qos = this.#parts.qosOf(filter) ?? 1;
    await this.#drained();
    if (client.conn.destroyed) return;
    if (size === 0 && download.size > STREAM_BLOCK_BYTES) {
      const sent = await streamPublish(client, { topic: answerTopic, qos }, download.size, wholeOf(download), STALL_MS);
      if (!sent) disconnectClient(client, reasonCodes.packetTooLarge);
      return;
    }
    const bytes = await download.read(chunk * size, size === 0 ? download.size : size);
    for (let waited = 0; !sendAt(client, answerTopic, bytes, qos); waited += 50) {
      if (client.conn.destroyed) return;
      if (waited >= STALL_MS) {
        disconnectClient(client, reasonCodes.receiveMaximumExceeded);
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, 50)); // its acknowledgements make room
    }
  }

  /** The last chunk goes before the next is read: a slow device costs one chunk of memory. */
  async #drained(): Promise<void> {
    const { conn } = this.#parts.client;
    if (!conn.writableNeedDrain || conn.destroyed) return;
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), STALL_MS);
    try {
      const { signal } = stop;
      await Promise.race([once(conn, 'drain', { signal }), once(conn, 'close', { signal })]);
    } finally {
      clearTimeout(timer);
      stop.abort(); // takes the other listener away
    }
  }

  #fail(text: string, finish: (verdict: PublishVerdict) => void): void {
    const { client, qosOf } = this.#parts;
    sendTo(client, ERROR_TOPIC, text, qosOf(ERROR_TOPIC) ?? 1);
    setImmediate(() => finish(FAILED)); // the message has left the socket by then
  }
}

async function* wholeOf(download: OtaDownload): AsyncGenerator<Buffer> {
  for (let at = 0; at < download.size; at += STREAM_BLOCK_BYTES) yield download.read(at, STREAM_BLOCK_BYTES);
}
