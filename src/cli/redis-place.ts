import { redisConnection } from '../app/redis-connection.ts';
import type { Place } from '../app/transfer/index.ts';
import { loadConfig } from '../config/index.ts';
import { formatIssue } from '../schema/issue.ts';
import { CommandFailure, EXIT, type Io, UsageError } from './io.ts';

const DAY_MS = 86_400_000;

/** The Redis that REDIS_URL and the other settings name. @param asked what was typed that needs one. */
export async function configuredRedis(
  { cwd, env }: Pick<Io, 'cwd' | 'env'>,
  asked: string,
): Promise<Place & { readonly kind: 'redis' }> {
  const loaded = await loadConfig({ env, cwd });
  if (!loaded.ok) throw new CommandFailure(EXIT.usage, loaded.issues.map(formatIssue).join('\n'));
  const { config } = loaded;
  const connection = redisConnection(config);
  if (connection) return { kind: 'redis', connection, sessionMs: config.apps.sessionDays * DAY_MS };
  throw new UsageError(`${asked} needs REDIS_URL, or the other settings of Redis.`);
}
