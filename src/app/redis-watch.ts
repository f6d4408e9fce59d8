import type { Log, ReadinessCheck } from '../observe/index.ts';
import type { RedisConnectionOptions } from '../storage/redis/connection.ts';

const EVERY_MS = 60_000;
const TIMEOUT_MS = 5_000;

/** Looks now and then whether Redis keeps what is stored there, and says in log and readiness when it does not. */
export function watchRedis(
  connection: RedisConnectionOptions,
  log: Log,
): { readonly check: ReadinessCheck; stop(): Promise<void> } {
  let problem: string | undefined;
  let looking: Promise<void> | undefined;
  const look = async (): Promise<void> => {
    // Loaded only where there is a Redis.
    const { surveyRedis } = await import('../storage/redis/survey.ts');
    const found = await surveyRedis(connection, TIMEOUT_MS);
    // Whether Redis answers at all is the store's own check.
    if (!found.reached) return;
    const now = found.facts.flatMap((fact) => fact.problem ?? []).join('; ') || undefined;
    if (now !== problem && now !== undefined) log.warn({ event: 'redis.settings', problem: now }, 'settings of Redis');
    problem = now;
  };
  const start = (): void => {
    looking = look().catch((error: unknown) => log.warn({ event: 'redis.survey', err: error }, 'Redis was not asked'));
  };
  start();
  const timer = setInterval(start, EVERY_MS);
  timer.unref();
  return {
    check: {
      name: 'redis-settings',
      // What is stored now is stored: taking the broker out would help nobody.
      advisory: true,
      check: () => (problem === undefined ? { ok: true } : { ok: false, problem }),
    },
    async stop() {
      clearInterval(timer);
      await looking;
    },
  };
}
