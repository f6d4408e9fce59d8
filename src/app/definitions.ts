import { type FSWatcher, statSync, watch } from 'node:fs';
import { BrokerError } from '../errors.ts';
import type { KeyedHash } from '../model/keyed-hash.ts';
import type { Log } from '../observe/index.ts';
import { loadProfiles, type ProfileSet } from '../profiles/index.ts';
import type { ProvisionTargets } from '../provisioning/targets.ts';
import { type CounterBook, createCounterBook, type Generation, loadChains, type RunLimits } from '../rules/index.ts';
import { formatIssue, type Issue } from '../schema/issue.ts';
import type { SettingStore } from '../storage/record-stores.ts';
import { type MadeSecret, resolveProvisionTargets } from './provision-secrets.ts';

/** Profiles and chains that are in force together. A reload makes a whole new one, or none. */
export interface Definitions {
  readonly profiles: ProfileSet;
  readonly targets: ProvisionTargets;
  readonly made: readonly MadeSecret[];
  readonly generation: Generation;
  readonly counters: CounterBook;
}

export interface DefinitionOptions {
  readonly profilesDir: string;
  readonly chainsDir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly runLimits: RunLimits;
}

interface Parts {
  readonly settings: SettingStore;
  readonly hash: KeyedHash;
  readonly log: Log;
}

/** Throws FILE_INVALID with every finding in its detail when a file cannot be used. */
export async function loadDefinitions(
  options: DefinitionOptions,
  parts: Parts,
  counters: CounterBook = createCounterBook(),
): Promise<Definitions> {
  const [profiles, chains] = await Promise.all([
    loadProfiles(options.profilesDir, { env: options.env }),
    loadChains(options.chainsDir, { counters, run: { limits: options.runLimits, splitAtAck: true } }),
  ]);
  const issues: Issue[] = [...(profiles.ok ? [] : profiles.issues), ...(chains.ok ? [] : chains.issues)];
  if (!profiles.ok || !chains.ok) {
    const errors = issues.filter((issue) => issue.level === 'error');
    throw new BrokerError('FILE_INVALID', { detail: errors.map(formatIssue).join('\n') });
  }
  for (const issue of [...profiles.warnings, ...chains.generation.warnings]) {
    parts.log.warn({ event: 'file.warning', file: issue.file, at: issue.at, rule: issue.rule }, issue.problem);
  }
  const { targets, made } = await resolveProvisionTargets(profiles.profiles, parts.settings, parts.hash);
  const generation = withSecretKeys(chains.generation, profiles.profiles);
  return { profiles: profiles.profiles, targets, made, generation, counters };
}

/** A key that one profile calls secret is wrapped for all: a value too many is hidden rather than one too few. */
function withSecretKeys(generation: Generation, profiles: ProfileSet): Generation {
  const keys = profiles.all().flatMap((profile) => profile.secretKeys ?? []);
  return keys.length === 0 ? generation : { ...generation, secretKeys: new Set([...generation.secretKeys, ...keys]) };
}

const SETTLE_MS = 200;

/**
 * Watches both folders and loads anew when something in them changed: all or nothing. A refused load keeps what runs and
 * says why. Editors write files in several steps, so a change is looked at once it has been quiet for a moment.
 */
export function watchDefinitions(
  options: DefinitionOptions,
  parts: Parts,
  first: Definitions,
  on: { onLoaded(next: Definitions): void; onRefused(problem: string): void },
): { close(): void } {
  let timer: NodeJS.Timeout | undefined;
  let loading = false;
  let again = false;
  let closed = false;
  const { counters } = first;

  const load = async (): Promise<void> => {
    if (loading) {
      again = true;
      return;
    }
    loading = true;
    try {
      const next = await loadDefinitions(options, parts, counters);
      if (closed) return;
      on.onLoaded(next);
      parts.log.info({ event: 'files.loaded', generation: next.generation.id }, 'profiles and chains loaded anew');
    } catch (error) {
      const known = BrokerError.from(error);
      on.onRefused(known.detail);
      parts.log.error(
        { event: 'files.refused', problem: known.detail },
        'changed files refused: the former ones stay in force',
      );
    } finally {
      loading = false;
      if (again && !closed) {
        again = false;
        schedule();
      }
    }
  };
  const schedule = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => void load(), SETTLE_MS);
  };

  const folders = new Set([options.profilesDir, options.chainsDir]);
  const watches = [...folders].map((dir) => watchFolder(dir, schedule, parts.log));
  return {
    close() {
      closed = true;
      clearTimeout(timer);
      for (const one of watches) one.close();
    },
  };
}

const REVISIT_MS = 500;
const RETRY_MS = 5_000;

/**
 * Hears of every change below a folder, for as long as it runs: a folder that is removed, replaced or linked elsewhere,
 * as deployments do it, is watched anew once it is there.
 */
function watchFolder(dir: string, onChange: () => void, log: Log): { close(): void } {
  let watcher: FSWatcher | undefined;
  let watched: string | undefined;
  let notBefore = 0;
  const lost = (error: unknown): void => {
    log.debug({ event: 'files.watch', dir, err: error }, 'folder could not be watched: tried again');
    watched = undefined;
    notBefore = performance.now() + RETRY_MS;
  };
  const visit = (): boolean => {
    const now = identityOf(dir);
    if (now === watched || (now !== undefined && performance.now() < notBefore)) return false;
    watcher?.close();
    watcher = undefined;
    watched = now;
    notBefore = 0;
    if (now === undefined) return true;
    try {
      watcher = watch(dir, { recursive: true }, onChange);
      watcher.on('error', lost);
    } catch (error) {
      lost(error);
    }
    return true;
  };
  visit();
  const timer = setInterval(() => {
    if (visit()) onChange();
  }, REVISIT_MS);
  timer.unref();
  return {
    close() {
      clearInterval(timer);
      watcher?.close();
    },
  };
}

/** Tells one folder from another of the same name, links followed; undefined while there is none. */
function identityOf(dir: string): string | undefined {
  try {
    const { dev, ino, birthtimeMs } = statSync(dir);
    return `${dev} ${ino} ${birthtimeMs}`;
  } catch {
    return undefined;
  }
}
