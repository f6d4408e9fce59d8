import { UsageError } from './options.js';

/**
 * What `read` gives; wrong usage ends the process with a line and code 2.
 * @template T
 * @param {() => T} read
 */
export function orExit(read) {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(2);
  }
}
