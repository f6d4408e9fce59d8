import { join } from 'node:path';
import { STORE_FOLDER } from '../storage/embedded/directory.ts';
import { ownerOf } from '../storage/embedded/lock.ts';

export { surveyRedis } from '../storage/redis/survey.ts';

/** The process that uses the store of a data directory; undefined when none does. */
export function lockOwner(dataDir: string): Promise<number | undefined> {
  return ownerOf(join(dataDir, STORE_FOLDER));
}
