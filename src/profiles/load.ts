import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Issue } from '../schema/issue.ts';
import { readJsonFile } from '../schema/json-file.ts';
import type { DeviceProfile } from './device-profile.ts';
import { lintProfile } from './lint.ts';
import { parseProfile } from './parse.ts';
import { createProfileSet, type ProfileSet } from './profile-set.ts';
import { type ResolveOptions, resolveProfile } from './resolve.ts';

export type LoadOptions = Omit<ResolveOptions, 'file'>;

export type LoadedProfiles =
  | { readonly ok: true; readonly profiles: ProfileSet; readonly warnings: readonly Issue[] }
  | { readonly ok: false; readonly issues: readonly Issue[] };

/** Far more than a folder of profiles has. */
const MAX_FILES = 10_000;

/**
 * Loads all `*.json` of a folder (schema files aside), or single files: every profile or none. Each finding names its
 * file and place. Nothing is thrown for what stands in files.
 */
export async function loadProfiles(path: string | readonly string[], options: LoadOptions): Promise<LoadedProfiles> {
  const issues: Issue[] = [];
  const files = new Set<string>();
  for (const one of [path].flat()) for (const file of await profileFiles(one, issues)) files.add(file);
  const loaded: {
    readonly file: string;
    readonly profile: DeviceProfile;
    readonly nameAt: string;
    readonly keyAt: string;
  }[] = [];
  for (const file of files) {
    const read = await readJsonFile(file, { uniqueKeys: true });
    if (!read.ok) {
      issues.push(read.issue);
      continue;
    }
    let errors = 0;
    const report = (finding: Omit<Issue, 'file'>): void => {
      const said = issues.some(
        (issue) => issue.file === file && issue.at === finding.at && issue.problem === finding.problem,
      );
      if (said) return;
      if (finding.level === 'error') errors++;
      issues.push({ file, ...finding });
    };
    const parsed = parseProfile(read.value, report);
    if (parsed === undefined) continue;
    lintProfile(parsed, report);
    if (errors > 0) continue;
    const profile = resolveProfile(parsed, { ...options, file }, report);
    if (profile) loaded.push({ file, profile, nameAt: parsed.places.name, keyAt: parsed.places.key });
  }
  const names = new Map<string, string>();
  const keys = new Map<string, string>();
  const products = new Map<string, string>();
  const groups = new Map<string, string>();
  for (const { file, profile, nameAt, keyAt } of loaded) {
    reportTaken(names, profile.name, file, { at: nameAt, rule: 'duplicate-name', what: 'the name' }, issues);
    const { key, rules } = profile.provision;
    if (rules.bootstrap) {
      const place = { at: '/provision/bootstrap/groupId', rule: 'duplicate-key', what: 'the group' };
      reportTaken(groups, rules.bootstrap.groupId, file, place, issues);
    }
    if (profile.thing) {
      const place = { at: '/product/key', rule: 'duplicate-key', what: 'the product key' };
      reportTaken(products, profile.thing.productKey, file, place, issues);
    }
    if (key !== undefined) {
      reportTaken(keys, key, file, { at: keyAt, rule: 'duplicate-key', what: 'the provision key' }, issues);
    }
  }
  if (issues.some((issue) => issue.level === 'error')) return { ok: false, issues };
  const things = new Set(loaded.flatMap(({ profile: { name, thing } }) => (thing ? [name] : [])));
  for (const { file, profile } of loaded) {
    for (const [index, child] of (profile.thing?.children?.profiles ?? []).entries()) {
      if (things.has(child)) continue;
      const at = `/gateway/children/profiles/${index}`;
      const problem = `there is no profile ${JSON.stringify(child)} with a dialect beside this one`;
      issues.push({ file, at, rule: 'unknown-profile', level: 'warning', problem, hint: CHILDREN });
    }
  }
  return { ok: true, profiles: createProfileSet(loaded.map(({ profile }) => profile)), warnings: issues };
}

const CHILDREN = 'the gateway can have sub-devices of known profiles only';

function reportTaken(
  taken: Map<string, string>,
  value: string,
  file: string,
  { at, rule, what }: { readonly at: string; readonly rule: string; readonly what: string },
  issues: Issue[],
): void {
  const other = taken.get(value);
  if (other === undefined) taken.set(value, file);
  else issues.push({ file, at, rule, level: 'error', problem: `${what} "${value}" is also in ${other}` });
}

async function profileFiles(path: string, issues: Issue[]): Promise<readonly string[]> {
  const add = (level: Issue['level'], rule: string, problem: string): readonly string[] => {
    issues.push({ file: path, at: '', rule, level, problem });
    return [];
  };
  try {
    if (!(await stat(path)).isDirectory()) return [path];
    const names = (await readdir(path)).filter(isProfileName).sort();
    if (names.length === 0) return add('warning', 'no-profiles', 'holds no profiles: no device can get in');
    if (names.length > MAX_FILES) return add('error', 'too-many-files', `holds more than ${MAX_FILES} files`);
    return names.map((name) => join(path, name));
  } catch (error) {
    return add('error', 'unreadable', `cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown'}`);
  }
}

/** Editors' backups and lock files begin with a dot or a hash. */
const isProfileName = (name: string): boolean =>
  name.endsWith('.json') && !name.endsWith('.schema.json') && !/^[.#~]/.test(name);
