import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { WebSocket } from 'ws';
import type { Broker } from './broker.ts';

/** Mulberry32: a run is repeated by its seed. */
export function randomFrom(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const PIECES = [
  ...['{', '}', '[', ']', '"', ':', ',', '\\', '\\u0000', '\\ud800', '\u0000', '\u2028', '\ufeff', 'null', 'NaN', '//'],
  ...['"__proto__":', '"constructor":', '"ts":', '"values":', '-0', '1e999', '0.1e-400', '9007199254740993', '00'],
  ...['9'.repeat(400), '['.repeat(300), '{"a":'.repeat(300), 'é'.repeat(200), '"k":'.repeat(50), 'x'.repeat(3_000)],
].map((text) => Buffer.from(text));

/** One to six changes to bytes that were right. */
export function mutated(body: Buffer, random: () => number): Buffer {
  const at = (length: number): number => Math.floor(random() * (length + 1));
  let bytes = body;
  for (let left = Math.floor(random() * 6); left >= 0; left--) {
    const from = at(bytes.length);
    const to = Math.min(bytes.length, from + at(20));
    const kind = Math.floor(random() * 7);
    const piece = PIECES[Math.floor(random() * PIECES.length)] ?? Buffer.alloc(0);
    if (kind === 0 && bytes.length > 0) {
      bytes = Buffer.from(bytes);
      bytes[from % bytes.length] = Math.floor(random() * 256);
    } else if (kind === 1) bytes = Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
    else if (kind === 2) bytes = Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)]);
    else if (kind === 3) bytes = bytes.subarray(0, from);
    else if (kind === 4 && random() < 0.05)
      bytes = Buffer.concat(Array.from({ length: 40 }, () => bytes)).subarray(0, 90_000);
    else bytes = Buffer.concat([bytes.subarray(0, from), piece, bytes.subarray(from)]);
  }
  return bytes;
}

/** What a process holds, as Linux counts it. */
export interface Held {
  readonly files: number;
  /** Bytes of its own; the mapped data file is not among them. */
  readonly memory: number;
}

export function heldBy(pid: number): Held {
  const kib = /RssAnon:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return { files: readdirSync(`/proc/${pid}/fd`).length, memory: Number(kib) * 1024 };
}

export const mib = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(1)} MiB`;

/** In `env` of a broker whose heap is asked for. */
export const INSPECTED = { NODE_OPTIONS: '--inspect=127.0.0.1:0' };

/** Bytes of a broker's objects and buffers that are still in use, after a full collection. */
export async function liveBytes(broker: Pick<Broker, 'stderr'>): Promise<number> {
  const address = /ws:\/\/\S+/.exec(broker.stderr.findLast((line) => line.startsWith('Debugger listening')) ?? '')?.[0];
  if (address === undefined) throw new Error('the broker was not started with INSPECTED');
  const socket = new WebSocket(address);
  await once(socket, 'open');
  const call = async (id: number, method: string, params = {}): Promise<unknown> => {
    socket.send(JSON.stringify({ id, method, params }));
    const [message] = (await once(socket, 'message')) as [Buffer];
    return JSON.parse(message.toString());
  };
  try {
    await call(1, 'HeapProfiler.collectGarbage');
    await call(2, 'HeapProfiler.collectGarbage');
    const expression = 'Object.values((({heapUsed, external}) => ({heapUsed, external}))(process.memoryUsage()))';
    const answer = await call(3, 'Runtime.evaluate', { expression, returnByValue: true });
    const [heap = 0, external = 0] = (answer as { result: { result: { value: number[] } } }).result.result.value;
    return heap + external;
  } finally {
    socket.close();
    await once(socket, 'close');
  }
}
