import type { Secret } from '../model/secret.ts';
import type { Config } from './settings.ts';

export interface RedisPlace {
  readonly host: string;
  readonly port: number;
}

/** Where Redis is, as the settings say it. */
export interface RedisSettings {
  readonly target:
    | ({ readonly kind: 'standalone' } & RedisPlace)
    | { readonly kind: 'cluster'; readonly nodes: readonly RedisPlace[] }
    | { readonly kind: 'sentinel'; readonly sentinels: readonly RedisPlace[]; readonly master: string };
  readonly username?: string;
  /** Of the URL; the setting of its own wins. */
  readonly urlPassword?: string;
  readonly db: number;
  readonly tls: boolean;
}

export type RedisProblem = { readonly at: string; readonly problem: string; readonly hint?: string };

const PORT = 6379;
const SENTINEL_PORT = 26_379;

/** Undefined: no Redis is asked for. Problems never hold the text of the URL, which may hold a password. */
export function redisSettings({
  redis,
}: Pick<Config, 'redis'>):
  | { readonly ok: true; readonly value: RedisSettings | undefined }
  | ({ readonly ok: false } & RedisProblem) {
  const fail = (at: string, problem: string, hint?: string) =>
    ({ ok: false, at: `/redis/${at}`, problem, ...(hint === undefined ? {} : { hint }) }) as const;
  const given = [redis.url, redis.host, redis.nodes, redis.sentinels].filter((one) => one !== undefined).length;
  if (given === 0 && redis.connectionType === undefined) {
    const left = leftOver(redis);
    if (left === undefined) return { ok: true, value: undefined };
    const hint = 'set REDIS_URL, REDIS_HOST, REDIS_NODES or REDIS_SENTINELS, or remove it';
    return fail(left.at, `${left.name} is set, but nothing names a Redis`, hint);
  }
  if (given > 1) {
    return fail(
      'url',
      'Redis is named more than once',
      'set one of REDIS_URL, REDIS_HOST, REDIS_NODES and REDIS_SENTINELS',
    );
  }
  const kind = redis.connectionType ?? (redis.nodes ? 'cluster' : redis.sentinels ? 'sentinel' : 'standalone');
  const url = redis.url === undefined ? undefined : fromUrl(redis.url);
  if (redis.url !== undefined && url === undefined) {
    return fail(
      'url',
      'is not a Redis URL',
      'for example redis://user:password@redis.internal:6379/0, or rediss:// for TLS',
    );
  }
  const common = {
    ...(redis.username === undefined && url?.username === undefined
      ? {}
      : { username: redis.username ?? url?.username }),
    ...(url?.password === undefined ? {} : { urlPassword: url.password }),
    db: url?.db ?? redis.db,
    tls: redis.sslEnabled || url?.tls === true,
  } as Omit<RedisSettings, 'target'>;
  const one = url ?? { host: redis.host ?? '127.0.0.1', port: redis.port };
  switch (kind) {
    case 'standalone':
      if (redis.nodes !== undefined) return fail('nodes', 'is for REDIS_CONNECTION_TYPE=cluster');
      if (redis.sentinels !== undefined) return fail('sentinels', 'is for REDIS_CONNECTION_TYPE=sentinel');
      return { ok: true, value: { ...common, target: { kind, host: one.host, port: one.port } } };
    case 'cluster': {
      if (common.db !== 0) return fail('db', 'a Redis Cluster has database 0 only');
      const nodes = redis.nodes === undefined ? [{ host: one.host, port: one.port }] : places(redis.nodes, PORT);
      if (redis.nodes === undefined && given === 0) return fail('nodes', 'the nodes of the Cluster are not named');
      if (nodes === undefined) return fail('nodes', 'is not a list of host:port with commas between');
      return { ok: true, value: { ...common, target: { kind, nodes } } };
    }
    case 'sentinel': {
      if (redis.master === undefined) return fail('master', 'the name of the master that Sentinel watches is not set');
      const sentinels = places(redis.sentinels ?? '', SENTINEL_PORT);
      if (sentinels === undefined) return fail('sentinels', 'is not a list of host:port with commas between');
      return { ok: true, value: { ...common, target: { kind, sentinels, master: redis.master } } };
    }
  }
}

/** A setting that is of no use without a Redis: whoever set it believes that there is one. */
function leftOver(redis: Config['redis']): { readonly at: string; readonly name: string } | undefined {
  const set = [
    ['master', 'REDIS_MASTER', redis.master !== undefined],
    ['sentinelPassword', 'REDIS_SENTINEL_PASSWORD', redis.sentinelPassword !== undefined],
    ['username', 'REDIS_USERNAME', redis.username !== undefined],
    ['password', 'REDIS_PASSWORD', redis.password !== undefined],
    ['port', 'REDIS_PORT', redis.port !== PORT],
    ['db', 'REDIS_DB', redis.db !== 0],
    ['waitReplicas', 'REDIS_WAIT_REPLICAS', redis.waitReplicas !== 0],
    ['sslEnabled', 'TB_REDIS_SSL_ENABLED', redis.sslEnabled],
    ['sslCa', 'TB_REDIS_SSL_PEM_CERT', redis.sslCa !== undefined],
    ['sslCert', 'TB_REDIS_SSL_PEM_KEY', redis.sslCert !== undefined],
  ] as const;
  const [at, name] = set.find(([, , isSet]) => isSet) ?? [];
  return at === undefined ? undefined : { at, name };
}

function places(text: string, standardPort: number): readonly RedisPlace[] | undefined {
  const found = text.split(',').map((word) => place(word.trim(), standardPort));
  return found.every((one) => one !== undefined) ? found : undefined;
}

/** `host`, `host:port` or `[address]:port`. */
function place(word: string, standardPort: number): RedisPlace | undefined {
  const [, bracketed, plain, port] = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]/@]+))(?::(\d{1,5}))?$/.exec(word) ?? [];
  const host = bracketed ?? plain;
  const number = port === undefined ? standardPort : Number(port);
  return host === undefined || number < 1 || number > 65_535 ? undefined : { host, port: number };
}

type FromUrl = RedisPlace & {
  readonly username?: string;
  readonly password?: string;
  readonly db?: number;
  readonly tls: boolean;
};

function fromUrl(secret: Secret): FromUrl | undefined {
  const text = secret.reveal();
  if (!URL.canParse(text)) return undefined;
  const { protocol, hostname, port, username, password, pathname, search, hash } = new URL(text);
  const db = /^\/?(\d{0,5})$/.exec(pathname)?.[1];
  if ((protocol !== 'redis:' && protocol !== 'rediss:') || hostname === '' || db === undefined || search || hash) {
    return undefined;
  }
  const plain = { username: decoded(username), password: decoded(password) };
  if (plain.username === undefined || plain.password === undefined) return undefined;
  return {
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: port === '' ? PORT : Number(port),
    ...(username === '' ? {} : { username: plain.username }),
    ...(password === '' ? {} : { password: plain.password }),
    ...(db === '' ? {} : { db: Number(db) }),
    tls: protocol === 'rediss:',
  };
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
