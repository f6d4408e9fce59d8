import { open } from 'node:fs/promises';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { BrokerError } from '../../errors.ts';
import type { RedisAddress, RedisConnectionOptions } from './connection.ts';

/** Redis sends a byte now and then while it makes the snapshot. */
const SILENT_MS = 60_000;
const MAX_LINE_BYTES = 1_024;
const NEWLINE = 0x0a;
const MAGIC = 'REDIS';

/**
 * Writes what is in Redis at this moment to a new file, as an RDB file: asks for it as a replica does. Redis goes on working
 * meanwhile. Standalone only. Rejects with STORE_UNAVAILABLE; the file may then be there in part.
 */
export async function snapshotRedis(options: RedisConnectionOptions, file: string): Promise<void> {
  const { target } = options;
  if (target.kind !== 'standalone') {
    const detail = `a ${target.kind} is backed up node by node, with the tools of Redis`;
    throw new BrokerError('NOT_OFFERED', { detail });
  }
  const socket = openSocket(target, options.tls);
  socket.setTimeout(SILENT_MS, () => socket.destroy(new Error(`no byte for ${SILENT_MS / 1_000} s`)));
  try {
    await receive(socket, options, file);
  } catch (error) {
    if (error instanceof BrokerError) throw error;
    const detail = `Redis gave no snapshot: ${error instanceof Error ? error.message : String(error)}`;
    throw new BrokerError('STORE_UNAVAILABLE', { detail }, { cause: error });
  } finally {
    socket.destroy();
  }
}

function openSocket({ host, port }: RedisAddress, tls: RedisConnectionOptions['tls']): Socket {
  if (tls === undefined) return connect({ host, port });
  return connectTls({ host, port, ...tls, ...(isIP(host) === 0 ? { servername: host } : {}) });
}

async function receive(socket: Socket, { username, password }: RedisConnectionOptions, file: string): Promise<void> {
  const bytes = new Bytes(socket);
  if (password !== undefined) {
    socket.write(command('AUTH', ...(username === undefined ? [] : [username]), password.reveal()));
    await bytes.line();
  }
  socket.write(command('SYNC'));
  // Empty lines say that it is still at work.
  let line = '';
  while (line === '') line = await bytes.line();
  const size = /^\$(\d{1,15})$/.exec(line)?.[1];
  if (size === undefined) throw new Error(`an answer that is no snapshot: ${line.slice(0, 60)}`);
  const sink = await open(file, 'wx', 0o600);
  try {
    for await (const piece of bytes.take(Number(size))) await sink.appendFile(piece);
    await sink.sync();
    const start = Buffer.alloc(MAGIC.length);
    const check = await open(file, 'r');
    await check.read(start, 0, MAGIC.length, 0).finally(() => check.close());
    if (start.toString('latin1') !== MAGIC) throw new Error('what came is no RDB file');
  } finally {
    await sink.close();
  }
}

/** Words as Redis takes them (RESP 2). */
function command(...words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;
}

/** What a socket brings, as lines first and then as so many bytes. */
class Bytes {
  readonly #source: AsyncIterator<Buffer>;
  #held: Buffer = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.#source = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  /** Throws for an error reply, with its words. */
  async line(): Promise<string> {
    let end = this.#held.indexOf(NEWLINE);
    while (end < 0) {
      if (this.#held.length > MAX_LINE_BYTES) throw new Error('an answer that is not of Redis');
      await this.#more();
      end = this.#held.indexOf(NEWLINE);
    }
    const text = this.#held.toString('latin1', 0, end).trimEnd();
    this.#held = this.#held.subarray(end + 1);
    if (text.startsWith('-')) throw new Error(text.slice(1));
    return text;
  }

  async *take(count: number): AsyncGenerator<Buffer> {
    for (let left = count; left > 0; ) {
      if (this.#held.length === 0) await this.#more();
      const piece = this.#held.subarray(0, left);
      this.#held = this.#held.subarray(piece.length);
      left -= piece.length;
      yield piece;
    }
  }

  async #more(): Promise<void> {
    const { value, done } = await this.#source.next();
    if (done) throw new Error('it ended in the middle');
    this.#held = this.#held.length === 0 ? value : Buffer.concat([this.#held, value]);
  }
}
