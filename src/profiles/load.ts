import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Secret } from '../model/secret.ts';
import type { Issue } from '../schema/issue.ts';
import type { DeviceProfile } from './device-profile.ts';
import type { ProfileSet } from './profile-set.ts';

export type LoadedProfiles =
  | { readonly ok: true; readonly profiles: ProfileSet; readonly warnings: readonly Issue[] }
  | { readonly ok: false; readonly issues: readonly Issue[] };

// First cut: native files, unchecked; to be replaced by parse.ts and lint.ts.
export async function loadProfiles(
  dir: string,
  { env }: { readonly env: Readonly<Record<string, string | undefined>> },
): Promise<LoadedProfiles> {
  const profiles = new Map<string, DeviceProfile>();
  for (const file of readdirSync(dir)) {
    if (!file.endsWith('.json') || file.endsWith('.schema.json')) continue;
    const raw = JSON.parse(readFileSync(join(dir, file), 'utf8'));
    const variable: string | undefined = raw.provision?.secret?.env;
    const value = variable ? env[variable] : undefined;
    profiles.set(raw.name, {
      name: raw.name,
      provision: {
        strategy: raw.provision?.strategy ?? 'disabled',
        key: raw.provision?.key,
        secret: value ? { kind: 'known', secret: new Secret(value) } : { kind: 'pending', variable },
        onExisting: 'reject',
      },
      transport: 'default',
      topics: {},
      sendAckOnValidationException: false,
      typeCast: false,
      retention: {},
      limits: {},
    });
  }
  return {
    ok: true,
    warnings: [],
    profiles: { byName: (name) => profiles.get(name), all: () => [...profiles.values()] },
  };
}
