import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import type { Broker } from '../helpers/broker.ts';

/** What came back on a connection, and whether the server had ended it by the deadline. */
export interface Heard {
  readonly text: string;
  readonly closed: boolean;
}

export interface TalkOptions {
  readonly deadlineMs?: number;
  /** Stop waiting as soon as this holds; default: at the end of the connection. */
  readonly enough?: (text: string) => boolean;
  /** Sent after `first`, one byte each so many milliseconds, for as long as the connection lives. */
  readonly drip?: Buffer;
  readonly dripMs?: number;
}

/** Opens a plain socket, sends bytes as they are, and listens until the server closes, enough was heard, or the deadline. */
export async function talk(port: number, first: Buffer | string, options: TalkOptions = {}): Promise<Heard> {
  const { deadlineMs = 5_000, enough = () => false, drip = Buffer.alloc(0), dripMs = 100 } = options;
  const socket = await openSocket(port);
  let sent = 0;
  const dripping = setInterval(() => {
    if (sent < drip.length) socket.write(drip.subarray(sent, ++sent));
  }, dripMs);
  try {
    return await new Promise<Heard>((resolve) => {
      let text = '';
      const timer = setTimeout(() => resolve({ text, closed: false }), deadlineMs);
      const end = (closed: boolean): void => {
        clearTimeout(timer);
        resolve({ text, closed });
      };
      socket.on('data', (chunk: Buffer) => {
        text += chunk.toString('latin1');
        if (enough(text)) end(false);
      });
      socket.on('close', () => end(true));
      socket.write(first);
    });
  } finally {
    clearInterval(dripping);
    socket.destroy();
  }
}

export async function openSocket(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** Asks again and again until there is an answer; fails after the deadline. For what a process tells by its output. */
export async function until<T>(what: string, ask: () => T | undefined, deadlineMs = 5_000): Promise<T> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const answer = ask();
    if (answer !== undefined) return answer;
    if (performance.now() > end) throw new Error(`${what} did not come within ${deadlineMs} ms`);
    await new Promise((done) => setTimeout(done, 10));
  }
}

/** The first `count` log lines of an event after line number `from`. */
export function linesOf(
  broker: Broker,
  event: string,
  { from = 0, count = 1 } = {},
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  return until(`${count} lines of ${event}`, () => {
    const lines = broker
      .logs()
      .slice(from)
      .filter((line) => line.event === event);
    return lines.length >= count ? lines : undefined;
  });
}

/** The statuses of the HTTP answers in a text, in their order. */
export function statusesOf(text: string): readonly number[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
}

/** Memory of a process in bytes. */
export async function rssOf(pid: number): Promise<number> {
  const pages = (await readFile(`/proc/${pid}/statm`, 'utf8')).split(' ')[1];
  return Number(pages) * 4_096;
}
