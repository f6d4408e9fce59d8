import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Server extends AsyncDisposable {
  readonly port: number;
  /** Ends the process at once, as a crash would. */
  kill(): Promise<void>;
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

export const temporaryFolder = (name: string): Promise<string> => mkdtemp(join(tmpdir(), `gridmoor-${name}-`));

interface Start {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly port: number;
  readonly folder: string;
  /** Answers as soon as the server can be used; the port alone when there is none. */
  readonly isReady?: () => Promise<boolean>;
  readonly signal?: NodeJS.Signals;
  readonly after?: () => Promise<void>;
}

const DEADLINE_MS = 60_000;

/** Starts a server and waits until it answers. */
export async function startServer(start: Start): Promise<Server> {
  const output: string[] = [];
  const child: ChildProcess = spawn(start.command, [...start.args], {
    env: { ...process.env, ...start.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own: some servers are a script that starts the real one.
    detached: true,
  });
  const signal = (name: NodeJS.Signals): void => {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) process.kill(-child.pid, name);
  };
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.on('error', (error) => output.push(String(error)));
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data) => output.push(String(data)));
  const until = performance.now() + DEADLINE_MS;
  const isReady = start.isReady ?? (() => answers(start.port));
  while (!(await isReady())) {
    if (child.exitCode !== null || performance.now() > until) {
      signal('SIGKILL');
      throw new Error(`${start.command} did not start:\n${output.join('').slice(-4_000)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const end = async (name: NodeJS.Signals): Promise<void> => {
    signal(name);
    await ended;
  };
  return {
    port: start.port,
    kill: () => end('SIGKILL'),
    async [Symbol.asyncDispose]() {
      await end(start.signal ?? 'SIGTERM');
      await start.after?.();
      await rm(start.folder, { recursive: true, force: true });
    },
  };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
