import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis, type RedisOptions } from 'ioredis';

/** A real redis-server on loopback; gone, with its files, when disposed. */
export interface TestRedis {
  readonly host: string;
  readonly port: number;
  readonly url: string;
  /** For a look behind the back of what is tested. */
  readonly client: Redis;
  readonly pid: number;
  /** Where its files are. */
  readonly dir: string;
  /** What the server printed. */
  log(): string;
  /** SIGSTOP and SIGCONT. */
  pause(): void;
  resume(): void;
  /** SIGKILL; its files stay. */
  kill(): Promise<void>;
  /** Resolves when the process that runs now has ended. */
  ended(): Promise<void>;
  /** Starts it again on the same port and files. */
  restart(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface TestRedisOptions {
  /** Lines of redis.conf as words: `['--maxmemory', '10mb']`. */
  readonly args?: readonly string[];
  /** Append-only, flushed always. */
  readonly durable?: boolean;
  readonly port?: number;
  /** TLS only, with these files; the certificate is its own authority. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** How the helper's own client logs in. */
  readonly client?: RedisOptions;
}

const HOST = '127.0.0.1';
const SERVER = 'redis-server';
const PROMPT_SYNC = ['--repl-diskless-sync-delay', '0'];

export async function startRedis(options: TestRedisOptions = {}): Promise<TestRedis> {
  const dir = mkdtempSync(join(tmpdir(), 'gridmoor-redis-'));
  const port = options.port ?? (await freePort());
  const { tls } = options;
  const plain = ['--port', String(port)];
  const secured = tls && [
    '--port',
    '0',
    '--tls-port',
    String(port),
    '--tls-cert-file',
    tls.cert,
    '--tls-key-file',
    tls.key,
    '--tls-auth-clients',
    'no',
  ];
  const durability = options.durable ? ['--appendonly', 'yes', '--appendfsync', 'always'] : ['--appendonly', 'no'];
  const args = [
    ...(secured ?? plain),
    '--bind',
    HOST,
    '--dir',
    dir,
    '--save',
    '',
    ...durability,
    ...(options.args ?? []),
  ];
  let output = '';
  let child: ChildProcess | undefined;
  const run = async (): Promise<void> => {
    const started = spawn(SERVER, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    child = started;
    const up = new Promise<void>((resolve, reject) => {
      const onData = (data: Buffer): void => {
        output = `${output}${data}`.slice(-100_000);
        if (/Ready to accept connections/.test(output.slice(-2_000))) resolve();
      };
      started.stdout?.on('data', onData);
      started.stderr?.on('data', onData);
      started.once('error', (error) =>
        reject(new Error(`${SERVER} cannot be started: apt-get install redis-server`, { cause: error })),
      );
      started.once('exit', (code) => reject(new Error(`${SERVER} ended with ${code}:\n${output}`)));
    });
    await up;
  };
  await run();
  const client = new Redis(port, HOST, {
    ...(tls === undefined ? {} : { tls: { ca: readFileSync(tls.cert) } }),
    retryStrategy: () => 50,
    maxRetriesPerRequest: null,
    ...options.client,
  });
  client.on('error', () => undefined);
  const kill = async (): Promise<void> => {
    const running = child;
    child = undefined;
    if (running === undefined) return;
    if (running.exitCode !== null || running.signalCode !== null) return;
    const gone = once(running, 'exit');
    running.kill('SIGKILL');
    await gone;
  };
  return {
    host: HOST,
    port,
    url: `redis://${HOST}:${port}`,
    client,
    get pid() {
      return child?.pid ?? 0;
    },
    dir,
    log: () => output,
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    kill,
    async ended() {
      if (child?.exitCode === null && child.signalCode === null) await once(child, 'exit');
    },
    async restart() {
      await kill();
      output = '';
      await run();
    },
    async [Symbol.asyncDispose]() {
      client.disconnect();
      await kill();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

export interface TestRedisCluster {
  readonly nodes: readonly TestRedis[];
  /** `host:port,host:port` of the masters. */
  readonly addresses: string;
  /** Empties all of it. */
  flush(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Three masters that share all slots, each with so many replicas. */
export async function startRedisCluster({
  replicas = 0,
  args = [],
}: {
  readonly replicas?: number;
  readonly args?: readonly string[];
} = {}): Promise<TestRedisCluster> {
  const nodeArgs = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000', ...PROMPT_SYNC, ...args];
  const nodes: TestRedis[] = [];
  for (let i = 0; i < 3 * (1 + replicas); i++)
    nodes.push(await startRedis({ args: nodeArgs, port: await freePort(true) }));
  const masters = nodes.slice(0, 3);
  const [first] = nodes;
  if (first === undefined) throw new Error('no node');
  const bounds = [0, 5461, 10923, 16384];
  for (const [i, node] of masters.entries()) {
    await node.client.call('cluster', 'addslotsrange', String(bounds[i]), String((bounds[i + 1] ?? 0) - 1));
    // As `redis-cli --cluster create` does: masters that meet with the same epoch take new ones while they gossip, and a slot
    // that moves meanwhile may end with both nodes naming the other as its owner.
    await node.client.call('cluster', 'set-config-epoch', String(i + 1));
  }
  for (const node of nodes.slice(1)) await node.client.call('cluster', 'meet', first.host, String(first.port));
  for (const node of nodes)
    await until(async () => (await clusterInfo(node)).includes(`cluster_known_nodes:${nodes.length}`));
  for (const [i, node] of nodes.slice(3).entries()) {
    const master = masters[i % 3];
    const id = String(await master?.client.call('cluster', 'myid'));
    await until(() =>
      node.client.call('cluster', 'replicate', id).then(
        () => true,
        () => false,
      ),
    );
  }
  for (const node of nodes) await until(async () => (await clusterInfo(node)).includes('cluster_state:ok'));
  for (const node of nodes.slice(3)) await until(() => isLinked(node));
  return {
    nodes,
    addresses: masters.map(({ host, port }) => `${host}:${port}`).join(','),
    async flush() {
      await Promise.all(masters.map(({ client }) => client.flushall()));
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(nodes.map((node) => node[Symbol.asyncDispose]()));
    },
  };
}

const isLinked = async ({ client }: TestRedis): Promise<boolean> =>
  (await client.info('replication')).includes('master_link_status:up');

const clusterInfo = async ({ client }: TestRedis): Promise<string> => String(await client.call('cluster', 'info'));

export interface TestSentinel {
  readonly master: TestRedis;
  readonly replica: TestRedis;
  readonly masterName: string;
  /** `host:port,…` of the sentinels. */
  readonly addresses: string;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A master, a replica, and three sentinels that fail over after a second of silence. */
export async function startSentinel(): Promise<TestSentinel> {
  const masterName = 'gridmoor';
  const master = await startRedis({ args: PROMPT_SYNC });
  const replica = await startRedis({ args: ['--replicaof', `${HOST} ${master.port}`] });
  await until(() => isLinked(replica));
  const sentinels: SentinelProcess[] = [];
  for (let i = 0; i < 3; i++) sentinels.push(await startSentinelProcess(masterName, master.port));
  for (const { port } of sentinels) {
    const client = new Redis(port, HOST);
    client.on('error', () => undefined);
    await until(async () => {
      const words = (await client.call('sentinel', 'master', masterName)) as string[];
      const fact = (name: string): string | undefined => words[words.indexOf(name) + 1];
      return fact('num-slaves') === '1' && fact('num-other-sentinels') === '2';
    });
    client.disconnect();
  }
  return {
    master,
    replica,
    masterName,
    addresses: sentinels.map(({ port }) => `${HOST}:${port}`).join(','),
    async [Symbol.asyncDispose]() {
      await Promise.all(sentinels.map(({ stop }) => stop()));
      await Promise.all([master, replica].map((one) => one[Symbol.asyncDispose]()));
    },
  };
}

interface SentinelProcess {
  readonly port: number;
  stop(): Promise<void>;
}

async function startSentinelProcess(masterName: string, masterPort: number): Promise<SentinelProcess> {
  const dir = mkdtempSync(join(tmpdir(), 'gridmoor-sentinel-'));
  const port = await freePort();
  const file = join(dir, 'sentinel.conf');
  const lines = [
    `port ${port}`,
    `bind ${HOST}`,
    `dir ${dir}`,
    `sentinel monitor ${masterName} ${HOST} ${masterPort} 2`,
    `sentinel down-after-milliseconds ${masterName} 1000`,
    `sentinel failover-timeout ${masterName} 2000`,
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  const child = spawn(SERVER, [file, '--sentinel'], { stdio: 'ignore' });
  const gone = new Promise((resolve) => child.once('exit', resolve));
  return {
    port,
    async stop() {
      child.kill('SIGKILL');
      await gone;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** @param bus whether the port ten thousand above must be free too, as the bus of a cluster node needs it. */
async function freePort(bus = false): Promise<number> {
  for (;;) {
    const port = await listenOn(0);
    if (port === undefined || (bus && port > 55_000)) continue;
    if (!bus || (await listenOn(port + 10_000)) !== undefined) return port;
  }
}

function listenOn(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, HOST, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : undefined));
    });
  });
}

/** Asks again until it is so, or half a minute has gone. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 30_000;
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error('it did not become so within 30 s');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
