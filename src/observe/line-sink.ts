import { write, writeSync } from 'node:fs';

/** What may wait for the reader of a descriptor before lines are dropped. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;
const MAX_CHUNK_BYTES = 256 * 1024;
const RETRY_MS = 50;
const SYNC_PATIENCE_MS = 200;

/** Writes lines to a file descriptor without blocking the process or ending it. */
export interface LineSink {
  /** Queues one line. Over the limit, and after the reader is gone, it is dropped and counted. */
  write(line: string): void;
  dropped(): number;
  /** Calls back when all lines so far are written or given up. */
  flush(done: () => void): void;
  /** Writes what waits, now; gives up on an error or after 200 ms. For the way out of the process. */
  flushSync(): void;
}

/** @param fd an open descriptor: 1 for standard output. A full disk costs lines, a closed pipe all further lines. */
export function createLineSink(fd: number): LineSink {
  let queue: string[] = [];
  let waitingBytes = 0;
  let chunk: Buffer | undefined;
  let busy = false;
  let inFlight = false;
  let gone = false;
  let dropped = 0;
  let waiters: (() => void)[] = [];

  const settle = (): void => {
    const called = waiters;
    waiters = [];
    for (const done of called) done();
  };
  const later = (delayMs: number): void => {
    busy = true;
    setTimeout(pump, delayMs).unref();
  };
  const giveUp = (): void => {
    dropped += queue.length + (chunk ? 1 : 0);
    queue = [];
    chunk = undefined;
    waitingBytes = 0;
    gone = true;
    busy = false;
    settle();
  };
  const takeChunk = (): Buffer | undefined => {
    let text = '';
    let taken = 0;
    while (taken < queue.length && text.length < MAX_CHUNK_BYTES) text += queue[taken++];
    queue = queue.slice(taken);
    return text === '' ? undefined : Buffer.from(text, 'utf8');
  };

  function pump(): void {
    chunk ??= takeChunk();
    if (chunk === undefined) {
      busy = false;
      settle();
      return;
    }
    busy = true;
    inFlight = true;
    write(fd, chunk, 0, chunk.length, null, (error, written) => {
      inFlight = false;
      if (chunk === undefined) return pump();
      if (error === null) {
        waitingBytes -= written;
        chunk = written < chunk.length ? chunk.subarray(written) : undefined;
        pump();
      } else if (error.code === 'EPIPE' || error.code === 'EBADF') {
        giveUp();
      } else {
        // EAGAIN: the reader is slow. ENOSPC, EIO: it may heal. A flush must not wait for that.
        if (error.code !== 'EAGAIN') settle();
        later(error.code === 'EAGAIN' ? RETRY_MS : RETRY_MS * 20);
      }
    });
  }

  const sink: LineSink = {
    write(line) {
      const bytes = Buffer.byteLength(line);
      if (gone || waitingBytes + bytes > MAX_WAITING_BYTES) {
        dropped += 1;
        return;
      }
      queue.push(line);
      waitingBytes += bytes;
      if (busy) return;
      busy = true;
      // Lines of one turn leave together; an exit in this turn finds them all in the queue.
      setImmediate(pump);
    },
    dropped: () => dropped,
    flush(done) {
      if (!busy) done();
      else waiters.push(done);
    },
    flushSync() {
      const deadline = performance.now() + SYNC_PATIENCE_MS;
      // A chunk in flight is already with the system: writing it again would double its lines.
      let rest = inFlight ? takeChunk() : (chunk ?? takeChunk());
      if (!inFlight) chunk = undefined;
      while (!gone && rest !== undefined) {
        try {
          const written = writeSync(fd, rest);
          waitingBytes -= written;
          rest = written < rest.length ? rest.subarray(written) : takeChunk();
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || performance.now() > deadline) return;
        }
      }
    },
  };
  process.on('exit', sink.flushSync);
  return sink;
}
