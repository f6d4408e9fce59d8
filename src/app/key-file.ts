import { randomBytes } from 'node:crypto';
import { chmodSync, linkSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { BrokerError } from '../errors.ts';
import { Secret } from '../model/secret.ts';
import { readRegularFile } from '../schema/regular-file.ts';

const MAX_BYTES = 4_096;
/** In the data directory. */
export const INSTANCE_KEY_FILE = 'instance.key';

/**
 * A secret kept in a file of its own, mode 0600; made with 32 random bytes when the file is missing. Two processes that make
 * it at once end with the same one.
 */
export function readOrMakeKeyFile(path: string, prefix: string): { readonly key: Secret; readonly made: boolean } {
  const existing = read(path);
  if (existing) return { key: existing, made: false };
  const draft = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  try {
    writeFileSync(draft, `${prefix}${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' });
    chmodSync(draft, 0o600);
    linkSync(draft, path); // fails when the other process was first: its key stands
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EEXIST') {
      const detail = `the key file cannot be written (${code}): check the folder's owner, its mode and that its disk is not read-only`;
      throw new BrokerError('FILE_INVALID', { file: path, detail }, { cause: error });
    }
  } finally {
    removeQuietly(draft);
  }
  const key = read(path);
  if (!key) throw new BrokerError('FILE_INVALID', { file: path, detail: 'the key file cannot be read back' });
  return { key, made: true };
}

/** Group and others may not read key files; undefined when the mode is right or the system has none. */
export function keyFileProblem(path: string): string | undefined {
  const mode = statSync(path).mode & 0o777;
  return process.platform !== 'win32' && (mode & 0o077) !== 0
    ? `${path} can be read by others (mode ${mode.toString(8)}): chmod 600 it`
    : undefined;
}

function read(path: string): Secret | undefined {
  const file = readRegularFile(path, MAX_BYTES);
  if (!file.ok && file.missing) return undefined;
  const invalid = (detail: string): BrokerError => new BrokerError('FILE_INVALID', { file: path, detail });
  if (!file.ok) throw invalid(`the key file ${file.problem}`);
  const text = file.bytes.toString('utf8').trim();
  if (text.length < 20) throw invalid('the key file is damaged: it holds less than 20 characters');
  if (/[\p{Cc}\ufffd]/u.test(text)) throw invalid('the key file is damaged: it is not one line of text');
  return new Secret(text);
}

function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Only the draft's name: when it is not there, there is nothing to remove.
  }
}
