import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const adminKey = 'test-admin-key-0123456789abcdef';
const provisionSecret = 'test-provision-secret-0123456789';

export interface BrokerOptions {
  /** Over the defaults; undefined takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Kept after the end when given; else a fresh folder that goes with the broker. */
  readonly dataDir?: string;
  readonly profilesDir?: string;
  readonly chainsDir?: string;
  readonly args?: readonly string[];
  readonly deadlineMs?: number;
  /** Entry file of another build of the broker. */
  readonly main?: string;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Bound ports as the ready line names them. */
export interface Ports {
  readonly mqtt: number;
  readonly http: number;
  readonly mqtts?: number;
  readonly ws?: number;
  readonly coap?: number;
}

/** A broker process. Its disposal fails when it died by itself, or logged an exception nobody caught. */
export interface Broker extends AsyncDisposable {
  readonly ports: Ports;
  readonly url: string;
  readonly adminKey: string;
  readonly provisionSecret: string;
  readonly dataDir: string;
  readonly pid: number;
  /** Lines of this and all earlier runs. */
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
  /** Log lines that are JSON. */
  logs(): readonly Readonly<Record<string, unknown>>[];
  /** The end of the running process. */
  readonly exited: Promise<Exit>;
  kill(signal?: NodeJS.Signals): Promise<Exit>;
  /** Ends the process with the signal and starts a new one on the same data, with the same ports; of another build from then on. */
  restart(signal?: NodeJS.Signals, build?: string): Promise<void>;
}

export function brokerIsBuilt(): boolean {
  return existsSync(MAIN);
}

export async function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'gridmoor-test-')));
  const stdout: string[] = [];
  const stderr: string[] = [];
  let { main = MAIN } = options;
  let run = await launch(options, dataDir, stdout, stderr, { mqtt: 0, http: 0 });

  return {
    get ports() {
      return run.ports;
    },
    get url() {
      return `http://127.0.0.1:${run.ports.http}`;
    },
    get pid() {
      return run.child.pid ?? 0;
    },
    get exited() {
      return run.exited;
    },
    adminKey: options.env?.GRIDMOOR_ADMIN_KEY ?? adminKey,
    provisionSecret: options.env?.PROVISION_SECRET_SMART_METER ?? provisionSecret,
    dataDir,
    stdout,
    stderr,
    logs: () => stdout.flatMap(jsonLine),
    kill: (signal = 'SIGTERM') => stop(run, signal),
    async restart(signal = 'SIGTERM', build) {
      await stop(run, signal);
      if (build !== undefined) main = build;
      run = await launch({ ...options, main }, dataDir, stdout, stderr, run.ports);
    },
    async [Symbol.asyncDispose]() {
      const before = run.stopping ? undefined : run.ended;
      await stop(run, 'SIGTERM');
      if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true });
      const uncaught = [...stdout, ...stderr].filter((line) => /uncaughtException|unhandledRejection/.test(line));
      if (before) throw new Error(`the broker ended by itself: ${JSON.stringify(before)}\n${tail(stdout, stderr)}`);
      if (uncaught.length > 0) throw new Error(`the broker met an exception nobody caught:\n${uncaught.join('\n')}`);
    },
  };
}

interface Run {
  readonly child: ChildProcess;
  readonly ports: Ports;
  readonly exited: Promise<Exit>;
  ended?: Exit;
  stopping: boolean;
}

async function launch(
  options: BrokerOptions,
  dataDir: string,
  stdout: string[],
  stderr: string[],
  ports: Pick<Ports, 'mqtt' | 'http' | 'coap'>,
): Promise<Run> {
  const entry = options.main ?? MAIN;
  if (!existsSync(entry)) throw new Error(`${entry} is missing: run npm run build`);
  const child = spawn(process.execPath, [entry, 'serve', ...(options.args ?? [])], {
    env: environment(options, dataDir, ports),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited: Promise<Exit> = once(child, 'exit').then(([code, signal]) => ({ code, signal }));
  createInterface({ input: child.stderr }).on('line', (line) => stderr.push(line));
  const ready = new Promise<Ports>((resolve) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      stdout.push(line);
      const bound = readyPorts(line);
      if (bound) resolve(bound);
    });
  });
  const deadlineMs = options.deadlineMs ?? 15_000;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), deadlineMs);
  });
  const first = await Promise.race([ready, exited, late]);
  clearTimeout(timer);
  if (first === 'late' || 'code' in first) {
    child.kill('SIGKILL');
    const why = first === 'late' ? `was not ready within ${deadlineMs} ms` : `ended: ${JSON.stringify(first)}`;
    throw new Error(`the broker ${why}\n${tail(stdout, stderr)}`);
  }
  const run: Run = { child, ports: first, exited, stopping: false };
  void exited.then((exit) => {
    run.ended = exit;
  });
  return run;
}

async function stop(run: Run, signal: NodeJS.Signals): Promise<Exit> {
  run.stopping = true;
  if (run.ended) return run.ended;
  run.child.kill(signal);
  const timer = setTimeout(() => run.child.kill('SIGKILL'), 20_000);
  const exit = await run.exited;
  clearTimeout(timer);
  return exit;
}

function environment(
  options: BrokerOptions,
  dataDir: string,
  ports: Pick<Ports, 'mqtt' | 'http' | 'coap'>,
): Record<string, string> {
  const given: Record<string, string | undefined> = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    MQTT_BIND_ADDRESS: '127.0.0.1',
    MQTT_BIND_PORT: String(ports.mqtt),
    HTTP_BIND_ADDRESS: '127.0.0.1',
    HTTP_BIND_PORT: String(ports.http),
    COAP_BIND_ADDRESS: '127.0.0.1',
    COAP_BIND_PORT: String(ports.coap ?? 0),
    GRIDMOOR_DATA_DIR: dataDir,
    GRIDMOOR_ADMIN_KEY: adminKey,
    PROVISION_SECRET_SMART_METER: provisionSecret,
    GRIDMOOR_PROFILES_DIR: options.profilesDir,
    GRIDMOOR_CHAINS_DIR: options.chainsDir,
    ...options.env,
  };
  return Object.fromEntries(Object.entries(given).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

function readyPorts(line: string): Ports | undefined {
  const [log] = jsonLine(line);
  if (log?.event !== 'ready') return undefined;
  const port = (name: string) => (log[name] as { port?: number } | undefined)?.port;
  const optional = Object.fromEntries(
    (['mqtts', 'ws', 'coap'] as const).flatMap((name) => (port(name) === undefined ? [] : [[name, port(name)]])),
  );
  return { mqtt: port('mqtt') ?? 0, http: port('http') ?? 0, ...optional };
}

function jsonLine(line: string): Record<string, unknown>[] {
  if (!line.startsWith('{')) return [];
  try {
    return [JSON.parse(line) as Record<string, unknown>];
  } catch {
    return [];
  }
}

function tail(stdout: readonly string[], stderr: readonly string[]): string {
  return [...stdout.slice(-20), ...stderr.slice(-20)].join('\n');
}
