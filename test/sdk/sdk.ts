import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const DEADLINE_MS = 30_000;
/** Each with the environment that its packages are in (scripts/test-sdk.js). */
const DRIVERS = {
  thingsboard: { file: 'driver.py', environment: 'GRIDMOOR_SDK_PYTHON' },
  enos: { file: 'enos_driver.py', environment: 'GRIDMOOR_DIALECTS_PYTHON' },
  alibaba: { file: 'alibaba_driver.py', environment: 'GRIDMOOR_DIALECTS_PYTHON' },
};

interface Line {
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: string;
  readonly event?: string;
  readonly data?: unknown;
}

interface Wait {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** A process with a published Python SDK in it: commands in, results and events of its callbacks out. */
export class Sdk implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #calls = new Map<number, Wait>();
  readonly #events: Line[] = [];
  readonly #log: string[] = [];
  #changed: () => void = () => {};
  #nextId = 0;

  private constructor(child: ChildProcess) {
    this.#child = child;
    if (child.stdout) createInterface({ input: child.stdout }).on('line', (line) => this.#take(line));
    if (child.stderr) createInterface({ input: child.stderr }).on('line', (line) => this.#log.push(line));
    child.on('exit', (code) => {
      for (const { reject } of this.#calls.values()) reject(new Error(`the SDK process ended with ${code}`));
    });
  }

  static start(vendor: keyof typeof DRIVERS = 'thingsboard'): Sdk {
    const { file, environment } = DRIVERS[vendor];
    const python = process.env[environment];
    if (python === undefined) throw new Error('no Python environment: run npm run test:sdk');
    const driver = fileURLToPath(new URL(file, import.meta.url));
    // -B: what it compiles is not written beside the sources.
    return new Sdk(spawn(python, ['-B', driver], { stdio: ['pipe', 'pipe', 'pipe'] }));
  }

  /** Runs a command of the driver; fails with what the SDK threw and its log. */
  call<T = unknown>(what: string, args: Readonly<Record<string, unknown>> = {}): Promise<T> {
    const id = ++this.#nextId;
    return new Promise<T>((resolve, reject) => {
      const timer = setTimeout(() => fail(new Error(`${what}: nothing within ${DEADLINE_MS} ms`)), DEADLINE_MS);
      const fail = (error: Error): void => {
        clearTimeout(timer);
        this.#calls.delete(id);
        reject(new Error(`${error.message}\n${this.#log.slice(-20).join('\n')}`));
      };
      this.#calls.set(id, {
        reject: fail,
        resolve: (value) => {
          clearTimeout(timer);
          resolve(value as T);
        },
      });
      this.#child.stdin?.write(`${JSON.stringify({ ...args, id, do: what })}\n`);
    });
  }

  /** The next event of this name; earlier ones of other names stay. */
  async event<T = unknown>(name: string): Promise<T> {
    const deadline = performance.now() + DEADLINE_MS;
    for (;;) {
      const at = this.#events.findIndex((line) => line.event === name);
      if (at >= 0) return this.#events.splice(at, 1)[0]?.data as T;
      const left = deadline - performance.now();
      if (left <= 0) throw new Error(`no event ${name}\n${this.#log.slice(-20).join('\n')}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#changed = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  get log(): readonly string[] {
    return this.#log;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const exited = once(this.#child, 'exit');
    // Its threads are not all daemons: it would outlive the end of its input.
    this.#child.kill('SIGKILL');
    await exited;
  }

  #take(text: string): void {
    const line = JSON.parse(text) as Line;
    if (line.event !== undefined) {
      this.#events.push(line);
      this.#changed();
      return;
    }
    const wait = this.#calls.get(line.id ?? 0);
    this.#calls.delete(line.id ?? 0);
    if (line.error === undefined) wait?.resolve(line.result);
    else wait?.reject(new Error(line.error));
  }
}
