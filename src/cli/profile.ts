import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { loadProfiles } from '../profiles/index.ts';
import { loadChains } from '../rules/index.ts';
import { defineCommand } from './command.ts';
import { printIssues, resolveAll } from './findings.ts';
import { group } from './frame.ts';
import type { Io } from './io.ts';

const CHAINS = 'rule-chains';

const lint = defineCommand({
  name: 'profile lint',
  summary: 'Checks device profiles: form, topics, secrets, limits, schemas, chains, names and keys that stand twice.',
  args: '[paths...]',
  flags: {
    strict: { type: 'boolean', summary: 'warnings are findings too' },
    chains: {
      type: 'string',
      value: '<folder>',
      summary: `rule chains that profiles may name (${CHAINS} when it is there)`,
    },
  },
  examples: ['gridmoor profile lint', 'gridmoor profile lint device-profiles/smart-meter.json --json'],
  notes: 'Paths are folders or files; without one: GRIDMOOR_PROFILES_DIR or device-profiles.',
  async run({ json, strict, chains }, args, io) {
    const paths = resolveAll(io, args, io.env.GRIDMOOR_PROFILES_DIR || 'device-profiles');
    const known = await knownChains(io, chains);
    const loaded = await loadProfiles(paths, {
      env: io.env,
      ...(known?.ok ? { chainName: known.generation.chainName } : {}),
    });
    const issues = [
      ...(known?.ok === false && chains !== undefined ? known.issues : []),
      ...(loaded.ok ? loaded.warnings : loaded.issues),
    ];
    return printIssues(io, issues, { json, strict, what: 'profiles' });
  },
});

/** Chains that do not load tell nothing of what profiles name. */
async function knownChains(io: Io, given: string | undefined) {
  const folder = resolve(io.cwd, io.env.GRIDMOOR_CHAINS_DIR || CHAINS);
  if (given === undefined && !existsSync(folder)) return undefined;
  return loadChains(given === undefined ? folder : resolveAll(io, [given], ''));
}

export const run = group('profile', 'Device profiles.', [lint]);
