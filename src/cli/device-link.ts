import { resolve } from 'node:path';
import type { Secret } from '../model/secret.ts';
import { type Io, UsageError } from './io.ts';
import { readSecretFile, readSmallText, secretFromEnv } from './secret-input.ts';

/** What names the broker for commands that speak to it as a device does. */
export const TARGET_FLAGS = '--host and --port';

/** What a provision key belongs with: from a file, else from the environment. Throws UsageError. */
export async function provisionSecret(io: Io, key: string, file: string | undefined): Promise<Secret> {
  if (file !== undefined) return readSecretFile(io, file);
  const variable = `PROVISION_SECRET_${key.toUpperCase().replace(/[^A-Z0-9]+/g, '_')}`;
  const secret = secretFromEnv(io, [variable, 'PROVISION_SECRET']);
  if (secret) return secret;
  throw new UsageError(`No provision secret: set ${variable}, or name a file with --secret-file.`);
}

/** The certificate authority that `--cafile` names. Throws UsageError. */
export function authorityOf(io: Io, cafile: string | undefined): string | undefined {
  if (cafile === undefined) return undefined;
  let text: string | undefined;
  try {
    text = readSmallText(resolve(io.cwd, cafile));
  } catch (error) {
    throw new UsageError(`${cafile} cannot be read (${(error as NodeJS.ErrnoException).code}).`);
  }
  if (text !== undefined) return text;
  throw new UsageError(`${cafile} is too long for a certificate.`);
}
