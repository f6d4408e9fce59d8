import { randomBytes } from 'node:crypto';
import type { Clock } from '../model/clock.ts';
import type { Msg } from '../model/msg.ts';
import {
  createPseudonyms,
  MAX_RECORDED,
  type Pseudonyms,
  type RecordedMsg,
  type RunOptions,
  type RunResult,
  recordedLine,
  type TraceStep,
} from '../rules/index.ts';

export interface RecordingState {
  readonly id: string;
  /** `full`: so many messages or bytes as were asked for, or may be. */
  readonly state: 'running' | 'full' | 'over';
  readonly messages: number;
  /** Messages that came while it was running and had no room. */
  readonly dropped: number;
}

export interface RecordingWish {
  readonly forMs: number;
  readonly messages: number;
  /** Only this one's. */
  readonly device?: string | undefined;
  /** Who asks for it. */
  readonly by: string;
}

interface Running {
  readonly id: string;
  readonly pseudonyms: Pseudonyms;
  /** Who began it. */
  readonly by: string;
  readonly until: number;
  readonly max: number;
  readonly device: string | undefined;
  readonly lines: string[];
  bytes: number;
  dropped: number;
}

const MAX_BYTES = 16 * 1024 * 1024;
/** A recording that nobody fetched or ended goes after this. */
const KEEP_MS = 600_000;
const FIND_SUPPLIER = 'onboard/find-supplier';

/**
 * Records what devices send, for `chain replay`: one recording at a time, bounded, in memory alone, without secrets. Its
 * pseudonyms cannot be traced back: their key goes with it.
 */
export class Recorder {
  readonly #clock: Clock;
  #running: Running | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Who began the recording that is running now; undefined when none is. */
  get runningBy(): string | undefined {
    const running = this.#running;
    return running && this.#stateOf(running).state === 'running' ? running.by : undefined;
  }

  /** There is none, nor one that nobody has fetched yet: messages need not be watched. */
  get isIdle(): boolean {
    return this.#running === undefined;
  }

  /** Begins a recording, in the place of the one before. */
  start({ forMs, messages, device, by }: RecordingWish): RecordingState {
    const id = randomBytes(8).toString('hex');
    const pseudonyms = createPseudonyms(randomBytes(32));
    const max = Math.min(messages, MAX_RECORDED);
    const until = this.#clock.now() + forMs;
    this.#running = { id, by, pseudonyms, until, max, device, lines: [], bytes: 0, dropped: 0 };
    return this.#stateOf(this.#running);
  }

  /** Its state and the lines behind the first `from`; undefined when there is no such recording. */
  read(id: string, from: number, limit: number): (RecordingState & { readonly lines: readonly string[] }) | undefined {
    const running = this.#running;
    if (running?.id !== id) return undefined;
    return { ...this.#stateOf(running), lines: running.lines.slice(from, from + limit) };
  }

  /** Forgets the recording and its key; false when there is no such one. */
  end(id: string): boolean {
    if (this.#running?.id !== id) return false;
    this.#running = undefined;
    return true;
  }

  /** Runs a message at the beginning of its way, and writes it down when a recording wants it. */
  watch(
    msg: Msg,
    options: RunOptions | undefined,
    run: (options: RunOptions | undefined) => RunResult | Promise<RunResult>,
  ): RunResult | Promise<RunResult> {
    const running = this.#running;
    if (running === undefined || !this.#wants(running, msg)) return run(options);
    const at = this.#clock.now();
    let found = false;
    const trace = (step: TraceStep): void => {
      found ||= step.kind === FIND_SUPPLIER && step.labels.includes('Found');
      options?.trace?.(step);
    };
    const result = run({ ...options, trace });
    if (!(result instanceof Promise)) {
      write(running, msg, at, found);
      return result;
    }
    return result.then((ended) => {
      write(running, msg, at, found);
      return ended;
    });
  }

  #wants({ device, until, max, lines, bytes }: Running, { originator }: Msg): boolean {
    const now = this.#clock.now();
    if (now >= until + KEEP_MS) this.#running = undefined;
    if (originator.entityType !== 'DEVICE' || now >= until) return false;
    if (device !== undefined && originator.id !== device) return false;
    const room = lines.length < max && bytes < MAX_BYTES;
    if (!room && this.#running) this.#running.dropped++;
    return room;
  }

  #stateOf({ id, until, max, lines, bytes, dropped }: Running): RecordingState {
    const full = lines.length >= max || bytes >= MAX_BYTES;
    const state = full ? 'full' : this.#clock.now() >= until ? 'over' : 'running';
    return { id, state, messages: lines.length, dropped };
  }
}

function write(running: Running, msg: Msg, at: number, found: boolean): void {
  const { pseudonyms, lines, max } = running;
  // Messages under way at once may have found room that only one of them gets.
  if (lines.length >= max) {
    running.dropped++;
    return;
  }
  const { name, profile } = msg.originator;
  const { metadata, data } = pseudonyms.message(msg);
  const keys = found ? secretsIn(data) : [];
  const known = keys.length > 0 ? { known: keys } : {};
  const message: RecordedMsg = { at, from: name, profile, type: msg.type, metadata, data, ...known };
  const line = recordedLine(message);
  lines.push(line);
  running.bytes += line.length;
}

/** Pseudonyms at the top of a body, where the keys of suppliers stand. */
function secretsIn(data: unknown): string[] {
  if (data === null || typeof data !== 'object') return [];
  return Object.values(data).filter((value): value is string => typeof value === 'string' && value.startsWith('key-'));
}
