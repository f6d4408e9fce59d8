import { KEYS } from '../../cluster/redis/keys.ts';
import { openConnection, type RedisConnectionOptions } from '../../storage/redis/connection.ts';

/** A broker without a sign of life for so long has ended, ms. */
const SILENT_MS = 10_000;

/** Ids of the brokers that use this Redis. The store that stands there has answered already. */
export async function runningBrokers(options: RedisConnectionOptions): Promise<readonly string[]> {
  const connection = openConnection({ ...options, name: 'gridmoor:move' });
  try {
    if (!connection.ready) {
      await new Promise<void>((resolve) => connection.onChange(() => connection.ready && resolve()));
    }
    const scored = (await connection.send('zrange', [KEYS.beats, 0, -1, 'WITHSCORES'])) as readonly string[];
    const [seconds = '0'] = (await connection.send('time', [])) as readonly string[];
    const running: string[] = [];
    for (let at = 0; at + 1 < scored.length; at += 2) {
      const silentMs = Number(seconds) * 1_000 - Number(scored[at + 1]);
      // A run begins with the id of its instance.
      if (silentMs < SILENT_MS) running.push((scored[at] ?? '').split('.').slice(0, -2).join('.'));
    }
    return running;
  } finally {
    connection.close();
  }
}
