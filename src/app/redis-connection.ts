import { type Config, redisSettings } from '../config/index.ts';
import { BrokerError } from '../errors.ts';
import { Secret } from '../model/secret.ts';
import { readRegularFile } from '../schema/regular-file.ts';
import type { RedisConnectionOptions } from '../storage/redis/connection.ts';

const MAX_PEM_BYTES = 1024 * 1024;

/** How to reach the Redis of the configuration; undefined: none is asked for. Reads TLS files; throws CONFIG_INVALID. */
export function redisConnection(config: Pick<Config, 'redis' | 'instance'>): RedisConnectionOptions | undefined {
  const { redis, instance } = config;
  const found = redisSettings(config);
  if (!found.ok) throw new BrokerError('CONFIG_INVALID', { field: found.at, detail: `${found.at}: ${found.problem}` });
  if (found.value === undefined) return undefined;
  const { target, username, urlPassword, db, tls } = found.value;
  const password = redis.password ?? (urlPassword === undefined ? undefined : new Secret(urlPassword));
  const withLogin =
    target.kind === 'sentinel' && redis.sentinelPassword !== undefined
      ? { ...target, sentinelPassword: redis.sentinelPassword }
      : target;
  return {
    target: withLogin,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    db,
    waitReplicas: redis.waitReplicas,
    ...(tls ? { tls: tlsFiles(redis) } : {}),
    name: `gridmoor:${instance.id}`,
  };
}

function tlsFiles({ sslCa, sslCert, sslKey }: Config['redis']): NonNullable<RedisConnectionOptions['tls']> {
  return {
    ...(sslCa === undefined ? {} : { ca: pem(sslCa, 'TB_REDIS_SSL_PEM_CERT') }),
    ...(sslCert === undefined ? {} : { cert: pem(sslCert, 'TB_REDIS_SSL_PEM_KEY') }),
    ...(sslKey === undefined ? {} : { key: pem(sslKey, 'TB_REDIS_SSL_PEM_KEY_PASSWORD') }),
  };
}

function pem(path: string, field: string): Buffer {
  const read = readRegularFile(path, MAX_PEM_BYTES);
  if (read.ok && read.bytes.length > 0) return read.bytes;
  throw new BrokerError('CONFIG_INVALID', {
    field,
    detail: `${field}: ${path} ${read.ok ? 'is empty' : read.problem}`,
  });
}
