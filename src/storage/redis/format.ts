import { BrokerError } from '../../errors.ts';
import type { StoreLog } from '../storage.ts';
import { KEYS } from './keys.ts';
import type { Queue } from './queue.ts';

/** Layout of keys and records. A change that older code cannot read takes the next number. */
const FORMAT = '1';
/** Ranges by text that Redis can also reverse, and lists of several pops, came with it. */
const LEAST_VERSION = [6, 2] as const;

/** Rejects with STORE_VERSION when the Redis is too old, or was written by another version; warns of settings that lose data. */
export async function checkFormat(queue: Queue, log: StoreLog | undefined): Promise<void> {
  const facts = await factsOf(queue, log);
  const version = facts.get('redis_version');
  if (version !== undefined && isOlder(version)) {
    const detail = `Redis ${version} is too old: ${LEAST_VERSION.join('.')} or newer is needed.`;
    throw new BrokerError('STORE_VERSION', { detail });
  }
  const policy = facts.get('maxmemory_policy');
  if (policy !== undefined && policy !== 'noeviction') {
    log?.warn(
      { event: 'store.eviction', policy },
      'Redis may throw records away when its memory is full: set maxmemory-policy to noeviction',
    );
  }
  await queue.send('set', [KEYS.format, FORMAT, 'NX']);
  const found = await queue.send('get', [KEYS.format]);
  if (found === FORMAT) return;
  const detail = `The data in Redis was written by another version (format ${String(found)}, this one has ${FORMAT}).`;
  throw new BrokerError('STORE_VERSION', { detail });
}

/** A user that may not ask is no reason to stop. */
async function factsOf(queue: Queue, log: StoreLog | undefined): Promise<ReadonlyMap<string, string>> {
  try {
    const text = String(await queue.send('info', []));
    return new Map(text.split('\r\n').map((line) => line.split(':', 2) as [string, string]));
  } catch (err) {
    log?.warn(
      { event: 'store.unknown-version', err },
      'the version of Redis cannot be asked for: its user may not use INFO',
    );
    return new Map();
  }
}

function isOlder(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major < LEAST_VERSION[0] || (major === LEAST_VERSION[0] && minor < LEAST_VERSION[1]);
}
