import { pino } from 'pino';
import { createLineSink, type LineSink } from './line-sink.ts';
import { redact } from './redact.ts';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** What happened, as data. `event` first, dotted: `msg.routed`. `err` takes any caught thing. */
export interface LogFacts {
  readonly event?: string;
  readonly err?: unknown;
  readonly level?: never;
  readonly time?: never;
  readonly message?: never;
  readonly [fact: string]: unknown;
}

/**
 * A log of one JSON object a line: facts first, then one constant message. Facts are redacted by name at any depth and
 * by type; nothing that is passed here can break the line or throw.
 */
export interface Log {
  readonly level: LogLevel;
  /** A log that adds these facts to each line. */
  child(facts: LogFacts): Log;
  /** Whether lines of this level are written: ask before facts that cost something to make. */
  enabled(level: LogLevel): boolean;
  trace(facts: LogFacts, message: string): void;
  debug(facts: LogFacts, message: string): void;
  info(facts: LogFacts, message: string): void;
  warn(facts: LogFacts, message: string): void;
  error(facts: LogFacts, message: string): void;
  fatal(facts: LogFacts, message: string): void;
  /** Lines that were dropped since the start because the reader of standard output did not read. */
  dropped(): number;
  /** Settles when all lines are written, after `timeoutMs` (1,000) at the latest. Call it last before an exit. */
  flush(timeoutMs?: number): Promise<void>;
}

export interface LogOptions {
  readonly level: LogLevel;
  /** Gets each line with its line feed. Default: standard output. */
  readonly destination?: { write(line: string): unknown };
}

type LogSink = Omit<LineSink, 'write' | 'flushSync'> & { write(line: string): unknown };

const STANDARD_OUTPUT = 1;
const RESERVED = ['level', 'time', 'message'] as const;

export function createLog(options: LogOptions): Log {
  const sink = options.destination ? plainSink(options.destination) : createLineSink(STANDARD_OUTPUT);
  const logger = pino(
    {
      level: options.level,
      base: null,
      messageKey: 'message',
      timestamp: pino.stdTimeFunctions.isoTime,
      // Errors are plain objects by then: pino's own serialiser would flatten them once more.
      serializers: { err: (err) => err },
      formatters: { level: (label) => ({ level: label }), log: redactFacts },
    },
    sink,
  );
  return wrap(logger, sink);
}

function redactFacts(facts: object): Record<string, unknown> {
  // pino asks bindings for hasOwnProperty, so the copy needs the ordinary prototype.
  const copy: Record<string, unknown> = { ...(redact(facts) as Record<string, unknown>) };
  for (const name of RESERVED) {
    if (name in copy) {
      copy[`fact.${name}`] = copy[name];
      delete copy[name];
    }
  }
  return copy;
}

function wrap(logger: pino.Logger, sink: LogSink): Log {
  return {
    get level() {
      return logger.level as LogLevel;
    },
    child: (facts) => wrap(logger.child(redactFacts(facts)), sink),
    enabled: (level) => logger.isLevelEnabled(level),
    trace: (facts, message) => logger.trace(facts, message),
    debug: (facts, message) => logger.debug(facts, message),
    info: (facts, message) => logger.info(facts, message),
    warn: (facts, message) => logger.warn(facts, message),
    error: (facts, message) => logger.error(facts, message),
    fatal: (facts, message) => logger.fatal(facts, message),
    dropped: () => sink.dropped(),
    flush(timeoutMs = 1_000) {
      return new Promise((resolve) => {
        const timer = setTimeout(resolve, timeoutMs);
        sink.flush(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    },
  };
}

function plainSink(destination: { write(line: string): unknown }): LogSink {
  return { write: (line) => destination.write(line), dropped: () => 0, flush: (done) => done() };
}
