import { BrokerError } from '../../errors.ts';

/** Format of keys and records. A change that older code cannot read takes the next number. */
export const FORMAT = 1;

/** Names both versions. */
export function versionError(path: string, found: unknown): BrokerError {
  return new BrokerError('STORE_VERSION', { directory: path, found: String(found), supported: FORMAT });
}

/** Names the file, what is wrong and the way out. */
export function corruptFile(file: string, problem: string, cause?: unknown): BrokerError {
  const detail =
    'The data directory cannot be read: put back a copy of it that was made while no broker ran, or move it away to start empty.';
  return new BrokerError('STORE_CORRUPT', { detail, file, problem }, cause === undefined ? {} : { cause });
}
