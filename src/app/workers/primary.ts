import cluster, { type Worker } from 'node:cluster';
import { createInterface } from 'node:readline';
import type { Config } from '../../config/index.ts';
import { GrowingPause } from '../../model/growing-pause.ts';
import { createLog, type Log } from '../../observe/index.ts';
import { createLineSink } from '../../observe/line-sink.ts';
import type { Ports } from '../start.ts';
import { type FromPrimary, type FromWorker, NUMBER_VARIABLE } from './messages.ts';
import { Totals } from './totals.ts';

/** Workers give their own stop up after 15 s. */
const STOP_DEADLINE_MS = 17_000;
/** So many starts in a row that came to nothing, with no worker left that serves, are the end. */
const MOST_FAILED_STARTS = 5;
const STANDARD_OUTPUT = 1;

interface Slot {
  readonly number: number;
  worker?: Worker;
  ready: boolean;
  again?: NodeJS.Timeout;
}

/**
 * Runs so many brokers on the same ports and starts those anew that die. Resolves with the exit code: 0 stopped as asked, 1
 * when the first start failed, none can be started any more, or the stop did not go well.
 */
export function runWorkers(config: Config): Promise<number> {
  const log = createLog({ level: config.log.level });
  return new Promise((resolve) => {
    new Workers(config, log, (code) => {
      void log.flush().then(() => resolve(code));
    }).start();
  });
}

class Workers {
  readonly #config: Config;
  readonly #log: Log;
  readonly #done: (code: number) => void;
  readonly #slots: readonly Slot[];
  readonly #totals = new Totals(() => this.#askAll());
  readonly #pause: GrowingPause;
  /** Whole lines of all workers: what several processes write to one pipe would run into each other. */
  readonly #output = createLineSink(STANDARD_OUTPUT);
  /** All were ready once. */
  #started = false;
  /** Of the first worker, which alone has those that cannot be shared. */
  #ports: Ports | undefined;
  #failedStarts = 0;
  #exitCode: number | undefined;
  #deadline: NodeJS.Timeout | undefined;

  constructor(config: Config, log: Log, done: (code: number) => void) {
    const { workers } = config.instance;
    this.#config = config;
    this.#log = log;
    this.#done = done;
    this.#slots = Array.from({ length: workers }, (_, i) => ({ number: i + 1, ready: false }));
    this.#pause = new GrowingPause({ free: 0, baseMs: 200, maxMs: 30_000, decayMs: 60_000, maxKeys: workers });
  }

  start(): void {
    cluster.setupPrimary({ stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => this.#stop(signal, 0));
    // The first one alone: what keeps it from starting is then said once.
    const [first] = this.#slots;
    if (first) this.#fork(first);
  }

  #fork(slot: Slot): void {
    const { number } = slot;
    const worker = cluster.fork({ [NUMBER_VARIABLE]: String(number) });
    slot.worker = worker;
    const { stdout } = worker.process;
    if (stdout) createInterface({ input: stdout }).on('line', (line) => this.#output.write(`${line}\n`));
    worker.on('error', (error) =>
      this.#log.error({ event: 'worker.error', worker: number, err: error }, 'worker error'),
    );
    worker.on('message', (message: FromWorker) => this.#hear(slot, message));
    worker.process.once('close', (code: number | null, signal: string | null) => this.#ended(slot, code, signal));
  }

  #hear(slot: Slot, message: FromWorker): void {
    switch (message.type) {
      case 'worker-ready':
        slot.ready = true;
        this.#failedStarts = 0;
        this.#becameReady(slot, message.ports);
        return;
      case 'worker-metrics':
        this.#totals.reported(slot.number, message.families);
        return;
      case 'worker-wants-totals':
        void this.#totals.collect().then((text) => tell(slot, { type: 'worker-totals', text }));
    }
  }

  #becameReady(slot: Slot, ports: Ports): void {
    if (slot.number === 1) this.#ports = ports;
    if (this.#started) {
      this.#log.info({ event: 'worker.back', worker: slot.number }, 'the worker is ready again');
    } else if (slot.number === 1) {
      for (const other of this.#slots.slice(1)) this.#fork(other);
    }
    if (this.#started || this.#stopping || !this.#slots.every(({ ready }) => ready)) return;
    this.#started = true;
    const { id, workers } = this.#config.instance;
    // Scripts wait for this one line, whatever is logged otherwise.
    createLog({ level: 'info' }).info({ event: 'ready', instance: id, workers, ...this.#ports }, 'ready');
  }

  #ended(slot: Slot, code: number | null, signal: string | null): void {
    const wasReady = slot.ready;
    delete slot.worker;
    slot.ready = false;
    this.#totals.ended(slot.number);
    if (this.#stopping) {
      // One that had not begun yet has no way to end but the signal.
      if (wasReady && code !== 0) this.#exitCode = 1;
      this.#endWhenAllHave();
      return;
    }
    const facts = { worker: slot.number, code, signal };
    if (!this.#started) {
      this.#log.fatal({ event: 'worker.failed', ...facts }, 'a worker could not start');
      this.#stop('worker.failed', 1);
      return;
    }
    if (!wasReady) this.#failedStarts += 1;
    if (this.#failedStarts >= MOST_FAILED_STARTS && !this.#slots.some(({ ready }) => ready)) {
      this.#log.fatal({ event: 'workers.failing', ...facts }, 'no worker can be started any more');
      this.#stop('workers.failing', 1);
      return;
    }
    const key = String(slot.number);
    this.#pause.fail(key, performance.now());
    const verdict = this.#pause.check(key, performance.now());
    const pauseMs = verdict.allowed ? 0 : verdict.retryAfterMs;
    this.#log.error({ event: 'worker.ended', ...facts, pauseMs }, 'a worker has ended: it is started anew');
    slot.again = setTimeout(() => this.#fork(slot), pauseMs);
  }

  get #stopping(): boolean {
    return this.#exitCode !== undefined;
  }

  #stop(reason: string, code: number): void {
    if (this.#stopping) {
      this.#log.warn({ event: 'stop.again', reason }, 'told to stop again: stopping at once');
      this.#endAtOnce();
      return;
    }
    this.#exitCode = code;
    this.#log.info({ event: 'stopping', reason }, 'stopping all workers');
    for (const slot of this.#slots) {
      clearTimeout(slot.again);
      slot.worker?.process.kill('SIGTERM');
    }
    this.#deadline = setTimeout(() => {
      this.#log.error({ event: 'stop.late', ms: STOP_DEADLINE_MS }, 'stopping took too long: giving up');
      this.#endAtOnce();
    }, STOP_DEADLINE_MS);
    this.#endWhenAllHave();
  }

  #endAtOnce(): void {
    this.#exitCode = 1;
    for (const { worker } of this.#slots) worker?.process.kill('SIGKILL');
  }

  #endWhenAllHave(): void {
    if (this.#slots.some(({ worker }) => worker !== undefined)) return;
    clearTimeout(this.#deadline);
    this.#log.info({ event: 'stopped' }, 'stopped');
    this.#output.flush(() => this.#done(this.#exitCode ?? 1));
  }

  #askAll(): readonly number[] {
    const asked = this.#slots.filter(({ ready }) => ready);
    for (const slot of asked) tell(slot, { type: 'worker-report' });
    return asked.map(({ number }) => number);
  }
}

function tell({ worker }: Slot, message: FromPrimary): void {
  // What it dies of is told by its end.
  if (worker?.isConnected()) worker.send(message, () => {});
}
