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
  /** See `NodeLoader` of the rules. */
  readonly allowedHosts: readonly string[];
}

export interface DefinitionParts {
  readonly settings: SettingStore;
  readonly hash: KeyedHash;
  readonly log: Log;
}

/** Throws FILE_INVALID with every finding in its detail when a file cannot be used. */
export async function loadDefinitions(
  options: DefinitionOptions,
  parts: DefinitionParts,
  counters: CounterBook = createCounterBook(),
): Promise<Definitions> {
  const chains = await loadChains(options.chainsDir, {
    counters,
    run: { keepPath: true, limits: options.runLimits, splitAtAck: true },
    env: options.env,
    allowedHosts: options.allowedHosts,
  });
  const profiles = await loadProfiles(options.profilesDir, {
    env: options.env,
    ...(chains.ok ? { chainName: chains.generation.chainName } : {}),
  });
  const issues: Issue[] = [...(profiles.ok ? [] : profiles.issues), ...(chains.ok ? [] : chains.issues)];
  if (!profiles.ok || !chains.ok) {
    const errors = issues.filter((issue) => issue.level === 'error');
    throw new BrokerError('FILE_INVALID', { detail: errors.map(formatIssue).join('\n') });
  }
  for (const issue of [...profiles.warnings, ...chains.generation.warnings]) {
    parts.log.warn({ event: 'file.warning', file: issue.file, at: issue.at, rule: issue.rule }, issue.problem);
  }
  const { targets, made } = await resolveProvisionTargets(profiles.profiles, parts.settings, parts.hash);
  const entries = profiles.profiles
    .all()
    .flatMap(({ name, ruleChain }) => (ruleChain ? [[name, ruleChain] as const] : []));
  const entered = entries.length === 0 ? chains.generation : chains.generation.enterBy(new Map(entries));
  const generation = withSecretKeys(entered, profiles.profiles);
  return { profiles: profiles.profiles, targets, made, generation, counters };
}

/** A key that one profile calls secret is wrapped for all: a value too many is hidden rather than one too few. */
function withSecretKeys(generation: Generation, profiles: ProfileSet): Generation {
  const keys = profiles.all().flatMap((profile) => profile.secretKeys ?? []);
  return keys.length === 0 ? generation : { ...generation, secretKeys: new Set([...generation.secretKeys, ...keys]) };
}
