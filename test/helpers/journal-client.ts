import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type JournalLine, readJournal } from './journal.ts';
import type { PlannedDevice } from './journal-plan.ts';

const script = fileURLToPath(new URL('./journal-device.js', import.meta.url));

/** How devices behave, whoever they are. */
export interface JournalHabits {
  readonly seed: number;
  /** Groups that live at a time. */
  readonly parallel: number;
  /** Messages of a device in flight. */
  readonly window: number;
  /** Pause of a device after each ack; 0 = as fast as it goes. */
  readonly paceMs?: number;
  /** Chance that a device comes back by another connection after an ack, its old one still open. */
  readonly restless?: number;
  /** Devices go to the first broker that listens, and not to any. */
  readonly inTurn?: boolean;
  /** Devices come back by another connection when an acknowledgement takes longer; by default they wait. */
  readonly patienceMs?: number;
  /** Of the connections of devices, which send nothing for it; default 60. */
  readonly keepaliveS?: number;
}

export interface JournalClientOptions extends JournalHabits {
  /** Of the brokers, among which the devices choose at each connection. */
  readonly ports: readonly number[];
  readonly provisionKey: string;
  readonly provisionSecret: string;
  readonly groups: readonly (readonly PlannedDevice[])[];
}

export interface Progress {
  /** Devices that have a token. */
  readonly provisioned: number;
  readonly acked: number;
  readonly attached: number;
  readonly finished: number;
  readonly live: number;
  readonly logins: number;
  /** Connections that the broker ended, and how many of them with DISCONNECT 0x8B. */
  readonly closed: number;
  readonly shutDown: number;
}

/** Where a fault falls: right after the count-th of these was sent or received. */
export type Moment = 'connect' | 'provision' | 'attach' | 'attributes' | 'telemetry' | 'request' | 'ack' | 'any';

/** A fleet in a process of its own. Its disposal ends the process and removes the journal. */
export interface JournalClient extends AsyncDisposable {
  readonly progress: Progress;
  readonly finished: boolean;
  /** Rejects when it does not hold within the time, or the process ends before. */
  until(condition: (progress: Progress) => boolean, what: string, deadlineMs: number): Promise<void>;
  /** Kills the process `pid` with SIGKILL at the count-th moment from now on. */
  arm(pid: number, moment: Moment, count: number, delayMs: number): void;
  disarm(): void;
  /** No new devices and messages; resolves when all that was sent is acknowledged. */
  stop(deadlineMs: number): Promise<void>;
  journal(): readonly JournalLine[];
}

const nothing: Progress = {
  provisioned: 0,
  acked: 0,
  attached: 0,
  finished: 0,
  live: 0,
  logins: 0,
  closed: 0,
  shutDown: 0,
};

export async function startJournalClient(options: JournalClientOptions): Promise<JournalClient> {
  const dir = await mkdtemp(join(tmpdir(), 'gridmoor-journal-'));
  const journal = join(dir, 'journal.jsonl');
  const { groups, paceMs = 0, restless = 0, inTurn = false, ...rest } = options;
  await writeFile(
    join(dir, 'plan.json'),
    JSON.stringify({ ...rest, paceMs, restless, inTurn, devices: groups, journal }),
  );
  const child: ChildProcess = spawn(process.execPath, [script, join(dir, 'plan.json')], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit');
  const errors: string[] = [];
  let progress = nothing;
  let finished = false;
  let ended = false;
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const ask of [...waiting]) ask();
  };
  if (!child.stdout || !child.stderr || !child.stdin) throw new Error('the device process has no pipes');
  child.stdin.on('error', () => {}); // its end is told by exit
  createInterface({ input: child.stderr }).on('line', (line) => errors.push(line));
  createInterface({ input: child.stdout }).on('line', (line) => {
    const { event, ...counts } = JSON.parse(line) as Progress & { event: string };
    progress = counts;
    finished ||= event === 'finished';
    wake();
  });
  void exited.then(() => {
    ended = true;
    wake();
  });
  const order = (text: object): void => void child.stdin?.write(`${JSON.stringify(text)}\n`);

  const until = (condition: (now: Progress) => boolean, what: string, deadlineMs: number): Promise<void> => {
    if (condition(progress)) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const end = (error?: Error): void => {
        clearTimeout(timer);
        waiting.delete(ask);
        if (error) reject(error);
        else resolve();
      };
      const state = (): string => `${JSON.stringify(progress)}\n${errors.slice(-10).join('\n')}`;
      const ask = (): void => {
        if (condition(progress)) end();
        else if (ended) end(new Error(`${what}: the device process ended before; ${state()}`));
      };
      const timer = setTimeout(() => end(new Error(`${what}: not within ${deadlineMs} ms; ${state()}`)), deadlineMs);
      waiting.add(ask);
      ask();
    });
  };

  return {
    get progress() {
      return progress;
    },
    get finished() {
      return finished;
    },
    until,
    arm: (pid, moment, count, delayMs) => order({ do: 'arm', pid, moment, count, delayMs }),
    disarm: () => order({ do: 'disarm' }),
    async stop(deadlineMs) {
      order({ do: 'stop' });
      await until(() => finished, 'the end of the fleet', deadlineMs);
    },
    journal: () => (existsSync(journal) ? readJournal(journal) : []),
    async [Symbol.asyncDispose]() {
      if (!ended) child.kill('SIGKILL');
      await exited;
      await rm(dir, { recursive: true, force: true });
    },
  };
}
