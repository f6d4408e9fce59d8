import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Issue } from '../schema/issue.ts';
import { readJsonFile } from '../schema/json-file.ts';

type Schema = Readonly<Record<string, unknown>>;

/** What the payload schemas of profile files say, without their secrets or anything else of them. */
export interface PayloadSchemas {
  readonly profile: string;
  readonly schemas: readonly Schema[];
}

/** Reads `telemetrySchema` and `attributesSchema` of the native profiles of a folder, or of one file. */
export async function readProfileSchemas(
  path: string,
): Promise<{ readonly profiles: readonly PayloadSchemas[]; readonly issues: readonly Issue[] }> {
  const profiles: PayloadSchemas[] = [];
  const issues: Issue[] = [];
  const isFolder = (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
  const names = isFolder ? (await readdir(path)).filter((name) => /^[^.#~].*\.json$/.test(name)).sort() : [];
  const files = isFolder
    ? names.filter((name) => !name.endsWith('.schema.json')).map((name) => join(path, name))
    : [path];
  for (const file of files) {
    const read = await readJsonFile(file);
    if (!read.ok) issues.push(read.issue);
    else if (isObject(read.value)) {
      const { name, telemetrySchema, attributesSchema } = read.value;
      profiles.push({ profile: String(name), schemas: [telemetrySchema, attributesSchema].filter(isObject) });
    }
  }
  return { profiles, issues };
}

function isObject(value: unknown): value is Schema {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
