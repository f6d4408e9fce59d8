import { openConnection, type RedisConnection, type RedisConnectionOptions } from './connection.ts';

/** A setting of Redis that a promise of the store rests on. */
export interface RedisFact {
  readonly what: string;
  /** Words for an operator, when it is not as it should be. */
  readonly problem?: string;
  readonly repair?: string;
}

export type RedisSurvey =
  | { readonly reached: true; readonly version: string; readonly facts: readonly RedisFact[] }
  | { readonly reached: false; readonly problem: string };

/** Clocks that are further apart than this are told of, ms: calls, tokens and latest values go by them. */
const MAX_SKEW_MS = 2_000;
/** Memory that is still free when it is time to think of more. */
const FULL_SHARE = 0.9;

/**
 * Asks Redis how it keeps data, on a connection of its own; of a Cluster one node, behind Sentinel the master. What a user may
 * not ask for is not guessed.
 */
export async function surveyRedis(options: RedisConnectionOptions, timeoutMs: number): Promise<RedisSurvey> {
  const connection = openConnection({ ...options, name: `${options.name ?? 'gridmoor'}:survey` });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<RedisSurvey>((resolve) => {
    timer = setTimeout(() => {
      const problem = connection.trouble ?? `no answer within ${timeoutMs} ms`;
      resolve({ reached: false, problem });
    }, timeoutMs);
  });
  try {
    return await Promise.race([survey(connection), late]);
  } catch (error) {
    return { reached: false, problem: error instanceof Error ? error.message : String(error) };
  } finally {
    clearTimeout(timer);
    connection.close();
  }
}

async function survey(connection: RedisConnection): Promise<RedisSurvey> {
  if (!connection.ready) {
    await new Promise<void>((resolve) => connection.onChange(() => connection.ready && resolve()));
  }
  const info = fieldsOf(String(await connection.send('info', [])));
  const fsync = await settingOf(connection, 'appendfsync');
  const facts = [persistence(info, fsync), eviction(info), memory(info), await clock(connection)].filter(
    (fact) => fact !== undefined,
  );
  return { reached: true, version: info.get('redis_version') ?? 'unknown', facts };
}

function persistence(info: ReadonlyMap<string, string>, fsync: string | undefined): RedisFact | undefined {
  const enabled = info.get('aof_enabled');
  if (enabled === undefined) return undefined;
  const repair = 'appendonly yes and appendfsync always in redis.conf';
  if (enabled !== '1') {
    const problem = 'the append-only file is off: a restart of Redis loses what was acknowledged';
    return { what: 'appendonly no', problem, repair };
  }
  if (info.get('aof_last_write_status') === 'err') {
    const problem = 'the append-only file cannot be written';
    return { what: 'appendonly yes', problem, repair: 'look at the disk of Redis' };
  }
  if (fsync === undefined) return { what: 'appendonly yes, appendfsync not known: CONFIG GET is not allowed' };
  if (fsync === 'always') return { what: 'appendonly yes, appendfsync always' };
  const lost = fsync === 'everysec' ? 'up to two seconds' : 'all that the system had not written';
  const problem = `a power cut loses ${lost} of acknowledged messages`;
  return { what: `appendonly yes, appendfsync ${fsync}`, problem, repair: 'appendfsync always, where that may not be' };
}

function eviction(info: ReadonlyMap<string, string>): RedisFact | undefined {
  const policy = info.get('maxmemory_policy');
  if (policy === undefined) return undefined;
  const what = `maxmemory-policy ${policy}`;
  if (policy === 'noeviction') return { what };
  const problem = 'Redis throws devices away when its memory is full';
  return { what, problem, repair: 'maxmemory-policy noeviction in redis.conf' };
}

function memory(info: ReadonlyMap<string, string>): RedisFact | undefined {
  const used = Number(info.get('used_memory'));
  const most = Number(info.get('maxmemory'));
  if (!(used > 0) || !(most >= 0)) return undefined;
  const mib = (bytes: number): number => Math.ceil(bytes / 1024 / 1024);
  if (most === 0) return { what: `${mib(used)} MiB used, no limit` };
  const what = `${mib(used)} of ${mib(most)} MiB used`;
  if (used < most * FULL_SHARE) return { what };
  const problem = 'the memory of Redis is nearly full: then writes are refused';
  return { what, problem, repair: 'more maxmemory, or a shorter retention of telemetry in the device profiles' };
}

/** Of a clock that agrees with ours nothing is said. */
async function clock(connection: RedisConnection): Promise<RedisFact | undefined> {
  const asked = Date.now();
  const reply = await connection.send('time', []).catch(() => undefined);
  if (!Array.isArray(reply)) return undefined;
  const theirs = Number(reply[0]) * 1_000 + Number(reply[1]) / 1_000;
  // The answer was made between the two looks at our clock: what a slow one cost is no skew.
  const skewMs = Math.max(theirs - Date.now(), Math.min(theirs - asked, 0));
  if (!(Math.abs(skewMs) > MAX_SKEW_MS)) return undefined;
  const problem = `the clock of Redis is ${Math.round(Math.abs(skewMs) / 1_000)} s ${skewMs > 0 ? 'ahead of' : 'behind'} the one here`;
  const repair = 'keep the clocks of all brokers and of Redis in step (NTP)';
  return { what: 'clock', problem, repair };
}

/** `name:value` lines. */
function fieldsOf(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split(/\r?\n/).flatMap((line) => {
      const at = line.indexOf(':');
      return at < 0 ? [] : [[line.slice(0, at), line.slice(at + 1)] as const];
    }),
  );
}

/** Managed Redis often forbids CONFIG: then the setting is not known. */
async function settingOf(connection: RedisConnection, name: string): Promise<string | undefined> {
  try {
    const reply = await connection.send('config', ['GET', name]);
    return Array.isArray(reply) && typeof reply[1] === 'string' ? reply[1] : undefined;
  } catch {
    return undefined;
  }
}
