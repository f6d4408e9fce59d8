import type { Secret } from '../model/secret.ts';
import type { Flag } from './command.ts';
import { type Io, UsageError } from './io.ts';
import { readSecretFile, secretFromEnv } from './secret-input.ts';

/** The instance key leaves a machine only encrypted. */
export const keyFlags = {
  'with-key': { type: 'boolean', summary: 'the instance key too, encrypted with a passphrase' },
  'passphrase-file': {
    type: 'string',
    value: '<path>',
    summary: 'file of the passphrase, - for standard input (GRIDMOOR_BACKUP_PASSPHRASE)',
  },
} as const satisfies Readonly<Record<string, Flag>>;

/** The passphrase that `--with-key` needs; undefined without that flag. */
export async function passphraseOf(
  io: Io,
  given: { readonly 'with-key': boolean; readonly 'passphrase-file': string | undefined },
): Promise<Secret | undefined> {
  const { 'with-key': withKey, 'passphrase-file': file } = given;
  if (!withKey) {
    if (file === undefined) return undefined;
    throw new UsageError('--passphrase-file is for --with-key.');
  }
  const passphrase = file ? await readSecretFile(io, file) : secretFromEnv(io, ['GRIDMOOR_BACKUP_PASSPHRASE']);
  if (passphrase) return passphrase;
  throw new UsageError('--with-key needs a passphrase: --passphrase-file, or GRIDMOOR_BACKUP_PASSPHRASE.');
}
