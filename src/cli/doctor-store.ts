import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { redisConnection } from '../app/redis-connection.ts';
import { lockOwner, surveyRedis } from '../app/store-survey.ts';
import type { Config } from '../config/index.ts';
import type { Finding } from './doctor-checks.ts';

const TIMEOUT_MS = 3_000;

/** The store of the configuration: how Redis keeps data, or who uses the data directory. */
export async function checkStore(config: Config, running: boolean): Promise<Finding[]> {
  const connection = redisConnection(config);
  if (connection === undefined) return checkOwner(config.files.dataDir, running);
  const check = 'redis';
  const found = await surveyRedis(connection, TIMEOUT_MS);
  if (!found.reached) {
    const repair = 'start it, or correct REDIS_URL, REDIS_PASSWORD and the other REDIS_ settings';
    return [{ check, level: 'fail', found: `it does not answer: ${found.problem}`, repair }];
  }
  return [
    { check, level: 'ok', found: `Redis ${found.version} answers` },
    ...found.facts.map(({ what, problem, repair }): Finding => {
      if (problem === undefined) return { check, level: 'ok', found: what };
      return { check, level: 'warn', found: `${what}: ${problem}`, ...(repair ? { repair } : {}) };
    }),
  ];
}

/** Another broker on the same directory, which is not the one that answers here: several need a Redis. */
async function checkOwner(dataDir: string, running: boolean): Promise<Finding[]> {
  if (running || !existsSync(join(dataDir, 'store'))) return [];
  const pid = await lockOwner(dataDir);
  if (pid === undefined) return [];
  const found = `${dataDir} is in use by process ${pid}, which does not answer here`;
  const repair = 'a second broker cannot use it: give it another GRIDMOOR_DATA_DIR, or both one Redis (REDIS_URL)';
  return [{ check: 'data directory', level: 'warn', found, repair }];
}
