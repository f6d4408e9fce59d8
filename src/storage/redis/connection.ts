import { Cluster, Command, Redis, type RedisOptions } from 'ioredis';
import { BrokerError } from '../../errors.ts';
import type { Secret } from '../../model/secret.ts';
import { failureOf } from './problems.ts';
import { slotOf } from './slots.ts';

export interface RedisAddress {
  readonly host: string;
  readonly port: number;
}

export type RedisTarget =
  | ({ readonly kind: 'standalone' } & RedisAddress)
  | { readonly kind: 'cluster'; readonly nodes: readonly RedisAddress[] }
  | {
      readonly kind: 'sentinel';
      readonly sentinels: readonly RedisAddress[];
      readonly master: string;
      readonly sentinelPassword?: Secret;
    };

/** Where Redis is, and how to log in there. */
export interface RedisConnectionOptions {
  readonly target: RedisTarget;
  readonly username?: string;
  readonly password?: Secret;
  /** Number of the database; a Cluster has 0 only. */
  readonly db?: number;
  /** Absent: no TLS. PEM texts; without `ca` the authorities of Node apply. */
  readonly tls?: { readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer };
  /** Replicas that must have a write before it counts as done (WAIT); 0 by default. */
  readonly waitReplicas?: number;
  /** Shown in CLIENT LIST. */
  readonly name?: string;
}

export type Word = string | number | Buffer;

/** One connection, to all nodes of a Cluster alike. It mends itself; what was under way is sent again then. */
export interface RedisConnection {
  readonly clustered: boolean;
  readonly ready: boolean;
  /** The last thing that went wrong with it, in words for an operator. */
  readonly trouble: string | undefined;
  /** Writes the command at once, in one packet with the others of this turn. Rejects when not ready, and with errors of Redis. */
  send(command: string, words: readonly Word[]): Promise<unknown>;
  /** As `send`, for a write: rejects with NOREPLICAS unless `waitReplicas` of them have it, though it is done, and may be repeated. */
  sendWrite(command: string, words: readonly Word[]): Promise<unknown>;
  /** As `send`; texts in the reply are bytes. */
  sendBuffer(command: string, words: readonly Word[]): Promise<unknown>;
  /** Called whenever `ready` may have changed. */
  onChange(listener: () => void): void;
  close(): void;
}

/** A connection without an answer for so long is given up, ms. */
const SOCKET_TIMEOUT_MS = 5_000;
/** How long replicas have to take a write, ms. */
const WAIT_MS = 1_000;
/** Longest pause between two tries to connect, ms. */
const MAX_PAUSE_MS = 1_000;

/** Grows with each try; random, so that many brokers do not come back at the same moment. */
const pause = (tries: number): number => Math.random() * Math.min(MAX_PAUSE_MS, 50 * 2 ** Math.min(tries, 10)) + 10;

/** The one door to ioredis. Connects in the background. */
export function openConnection(options: RedisConnectionOptions): RedisConnection {
  const client = clientOf(options);
  const listeners: (() => void)[] = [];
  let trouble: string | undefined;
  const changed = (): void => {
    for (const listener of listeners) listener();
  };
  client.on('error', (error: Error) => {
    trouble = wordsOf(error);
  });
  client.on('ready', () => {
    trouble = undefined;
    changed();
  });
  for (const event of ['close', 'end', 'reconnecting']) client.on(event, changed);
  const pack = packer(client);
  const { waitReplicas = 0 } = options;
  const sendScript = scriptSender(client);
  const send = (command: string, words: readonly Word[]): Promise<unknown> => {
    pack();
    if (command === 'evalsha') return sendScript(words);
    // A Cluster has to see the keys.
    const reply =
      client instanceof Cluster
        ? client.call(command, ...words)
        : (client.sendCommand(new PackedCommand(command, words, [])) as Promise<unknown>);
    return command === 'hgetall' ? reply.then(flat) : reply;
  };
  return {
    clustered: client instanceof Cluster,
    get ready() {
      return client.status === 'ready';
    },
    get trouble() {
      return trouble;
    },
    send,
    sendWrite: waitReplicas === 0 ? send : (command, words) => sendAndWait(client, [command, ...words], waitReplicas),
    sendBuffer(command, words) {
      pack();
      return client.callBuffer(command, ...words);
    },
    onChange: (listener) => void listeners.push(listener),
    close: () => client.disconnect(),
  };
}

/** Both in one pipeline: WAIT counts for what its own connection has written. */
async function sendAndWait(client: Redis | Cluster, command: readonly Word[], replicas: number): Promise<unknown> {
  const [done, waited] = (await client.pipeline([[...command], ['wait', replicas, WAIT_MS]]).exec()) ?? [];
  for (const one of [done, waited]) if (one?.[0]) throw one[0];
  if (Number(waited?.[1] ?? 0) >= replicas) return done?.[1];
  const error = new Error(`NOREPLICAS ${waited?.[1]} of ${replicas} replicas have the write`);
  error.name = 'ReplyError';
  throw error;
}

/** A client for a library that speaks to ioredis itself. */
export interface LibraryClient {
  readonly client: Redis | Cluster;
  /** Rejects with STORE_UNAVAILABLE when Redis does not answer in time, or its user may not come to keys behind the prefix. */
  ready(timeoutMs: number): Promise<void>;
}

/** Its keys stand behind `prefix`; while Redis is away its commands are refused, at once or after two seconds. */
export function openLibraryClient(options: RedisConnectionOptions, prefix: string): LibraryClient {
  const client = clientOf(options, { keyPrefix: prefix, commandTimeout: 2_000, enableAutoPipelining: true });
  let trouble: Error | undefined;
  client.on('error', (error: Error) => {
    trouble = error;
  });
  return {
    client: heard(client),
    async ready(timeoutMs) {
      await connected(timeoutMs);
      // The library's own first command would fail with a fault that says nothing of rights.
      await client.exists('any').catch((error: unknown) => {
        const failure = failureOf(error);
        throw failure.kind === 'final'
          ? failure.error
          : new BrokerError('STORE_UNAVAILABLE', { reason: wordsOf(error as Error) });
      });
    },
  };

  async function connected(timeoutMs: number): Promise<void> {
    if (client.status === 'ready') return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), timeoutMs);
    });
    const first = await Promise.race([late, new Promise((resolve) => client.once('ready', resolve))]);
    clearTimeout(timer);
    if (first !== 'late') return;
    const reason = trouble ? wordsOf(trouble) : 'Redis does not answer';
    throw new BrokerError('STORE_UNAVAILABLE', { reason });
  }
}

/**
 * The same client whose failed commands never count as unhandled: the library does not wait for some of its commands
 * (its clean-up of a list while it is read), and a rejection that nobody hears ends the process. Who waits hears it all the same.
 */
function heard<T extends Redis | Cluster>(client: T): T {
  return new Proxy(client, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      return (...args: unknown[]): unknown => {
        const result: unknown = member.apply(target, args);
        if (result instanceof Promise) result.catch(() => {});
        return result;
      };
    },
  });
}

function clientOf(
  { target, username, password, db, tls, name }: RedisConnectionOptions,
  more: RedisOptions = {},
): Redis | Cluster {
  const login: RedisOptions = {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password: password.reveal() }),
    ...(tls === undefined ? {} : { tls: { ...tls } }),
    connectionName: name ?? 'gridmoor',
    ...more,
  };
  const common: RedisOptions = {
    ...login,
    connectTimeout: 2_000,
    socketTimeout: SOCKET_TIMEOUT_MS,
    keepAlive: 30_000,
    maxRetriesPerRequest: null,
    autoResendUnfulfilledCommands: true,
    // A master that has become a replica: the other one is looked for, and the command sent there.
    reconnectOnError: (error) => (error.message.startsWith('READONLY') ? 2 : false),
  };
  const single: RedisOptions = { ...common, enableOfflineQueue: false, retryStrategy: pause, db: db ?? 0 };
  switch (target.kind) {
    case 'standalone':
      return new Redis({ ...single, host: target.host, port: target.port });
    case 'sentinel':
      return new Redis({
        ...single,
        sentinels: target.sentinels.map((sentinel) => ({ ...sentinel })),
        name: target.master,
        sentinelRetryStrategy: pause,
        failoverDetector: true,
        ...(target.sentinelPassword === undefined ? {} : { sentinelPassword: target.sentinelPassword.reveal() }),
        ...(tls === undefined ? {} : { enableTLSForSentinelMode: true, sentinelTLS: { ...tls } }),
      });
    case 'cluster':
      return new Cluster(
        target.nodes.map((node) => ({ ...node })),
        {
          redisOptions: common,
          ...(more.keyPrefix === undefined ? {} : { keyPrefix: more.keyPrefix, enableAutoPipelining: true }),
          enableOfflineQueue: false,
          clusterRetryStrategy: pause,
          retryDelayOnFailover: 100,
          retryDelayOnClusterDown: 100,
          slotsRefreshTimeout: 2_000,
          ...(tls === undefined ? {} : { dnsLookup: (address, done) => done(null, address) }),
        },
      );
  }
}

/**
 * A command that is put into bytes at once: the many pieces of text that ioredis would hold until they are written cost more to
 * collect than to make.
 */
class PackedCommand extends Command {
  readonly #bytes: Buffer;

  /** @param shown what ioredis looks at: the first words, or none. */
  constructor(name: string, words: readonly Word[], shown: Word[]) {
    super(name, shown, { replyEncoding: 'utf8' });
    this.#bytes = bytesOf([name, ...words]);
  }

  override toWritable(): Buffer {
    return this.#bytes;
  }
}

/** As Redis reads a command. */
function bytesOf(words: readonly Word[]): Buffer {
  const parts: Buffer[] = [];
  let text = `*${words.length}\r\n`;
  for (const word of words) {
    if (typeof word === 'object') {
      parts.push(Buffer.from(`${text}$${word.length}\r\n`), word);
      text = '\r\n';
    } else {
      const one = String(word);
      text += `$${Buffer.byteLength(one)}\r\n${one}\r\n`;
    }
  }
  const last = Buffer.from(text);
  return parts.length === 0 ? last : Buffer.concat([...parts, last]);
}

/** What is answered, or happens, when the slot has gone to another node; the Cluster finds it then. */
const MOVED = /^(?:MOVED|ASK|TRYAGAIN|CLUSTERDOWN|Connection is closed)/;

/** In a Cluster a script goes straight to the node that has the slot: the detour over the Cluster costs as much as Redis itself. */
function scriptSender(client: Redis | Cluster): (words: readonly Word[]) => Promise<unknown> {
  // Hash, number of keys, keys, arguments: a Cluster goes by the first key.
  const send = (to: Redis | Cluster, words: readonly Word[]): Promise<unknown> => {
    const [sha = '', , key] = words;
    const shown = key === undefined ? [sha, 0] : [sha, 1, key];
    return to.sendCommand(new PackedCommand('evalsha', words, shown)) as Promise<unknown>;
  };
  if (client instanceof Redis) return (words) => send(client, words);
  const nodeOf = nodesBySlot(client);
  return (words) => {
    const node = nodeOf(words[2]);
    if (node === undefined) return send(client, words);
    return send(node, words).catch((error: unknown) => {
      if (error instanceof Error && MOVED.test(error.message)) return send(client, words);
      throw error;
    });
  };
}

/** The master that has a key, as far as it is known and ready; each key has a hash tag in front. */
function nodesBySlot(cluster: Cluster): (key: Word | undefined) => Redis | undefined {
  let nodes: ReadonlyMap<string, Redis> | undefined;
  const forget = (): void => {
    nodes = undefined;
  };
  cluster.on('+node', forget).on('-node', forget);
  return (key) => {
    if (typeof key !== 'string' || cluster.status !== 'ready') return undefined;
    nodes ??= new Map(cluster.nodes().map((node) => [`${node.options.host}:${node.options.port}`, node]));
    const [master = ''] = cluster.slots[slotOf(key.slice(1, key.indexOf('}')))] ?? [];
    const node = nodes.get(master);
    return node?.status === 'ready' ? node : undefined;
  };
}

/** The one reply that ioredis makes an object of, as Redis gives it: fields and values in turn. */
const flat = (reply: unknown): readonly unknown[] => Object.entries(reply as object).flat();

/** What one turn sends to a node leaves in one packet: a system call for each command would cost more than Redis itself. */
function packer(client: Redis | Cluster): () => void {
  let corked = false;
  return () => {
    if (corked) return;
    corked = true;
    const streams = (client instanceof Cluster ? client.nodes('master') : [client]).flatMap(
      ({ stream }) => stream ?? [],
    );
    for (const stream of streams) stream.cork();
    setImmediate(() => {
      corked = false;
      for (const stream of streams) stream.uncork();
    });
  };
}

/** The message of the cause too: a Cluster says only that no node could be reached. */
function wordsOf(error: Error & { lastNodeError?: Error }): string {
  const last = error.lastNodeError?.message;
  return last === undefined ? error.message : `${error.message} (${last})`;
}
