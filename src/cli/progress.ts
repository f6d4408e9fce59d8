import type { Io } from './io.ts';

/** A terminal is told of progress at most so often, ms. */
const TELL_MS = 200;

/** Says on a terminal how far a long job is; nowhere else. */
export function progressOf(io: Io, what: string, total: number, unit = 'bytes') {
  let toldAt = Number.NEGATIVE_INFINITY;
  const tell = (done: number, end = ''): void => {
    if (!io.isTty) return;
    toldAt = performance.now();
    const percent = total === 0 ? 100 : Math.floor((done / total) * 100);
    io.stderr.write(`\r${what}: ${percent} % of ${total} ${unit}${end}`);
  };
  return {
    at(done: number): void {
      if (performance.now() - toldAt >= TELL_MS) tell(done);
    },
    end: (done: number): void => tell(done, '\n'),
  };
}

/** The same where nobody knows how many there will be. */
export function tellRecords(io: Io) {
  let toldAt = Number.NEGATIVE_INFINITY;
  let told = 0;
  return {
    at(what: string, records: number): void {
      if (!io.isTty || performance.now() - toldAt < TELL_MS) return;
      toldAt = performance.now();
      const line = `${what}: ${records}`;
      io.stderr.write(`\r${line.padEnd(told)}`);
      told = line.length;
    },
    end(): void {
      if (told > 0) io.stderr.write(`\r${' '.repeat(told)}\r`);
    },
  };
}
