import { loadProfiles } from '../profiles/index.ts';
import { defineCommand } from './command.ts';
import { printIssues, resolveAll } from './findings.ts';
import { group } from './frame.ts';

const lint = defineCommand({
  name: 'profile lint',
  summary: 'Checks device profiles: form, topics, secrets, limits, schemas, names and keys that stand twice.',
  args: '[paths...]',
  flags: { strict: { type: 'boolean', summary: 'warnings are findings too' } },
  examples: ['gridmoor profile lint', 'gridmoor profile lint device-profiles/smart-meter.json --json'],
  notes: 'Paths are folders or files; without one: GRIDMOOR_PROFILES_DIR or device-profiles.',
  async run({ json, strict }, args, io) {
    const paths = resolveAll(io, args, io.env.GRIDMOOR_PROFILES_DIR || 'device-profiles');
    const loaded = await loadProfiles(paths, { env: io.env });
    const issues = loaded.ok ? loaded.warnings : loaded.issues;
    return printIssues(io, issues, { json, strict, what: 'profiles' });
  },
});

export const run = group('profile', 'Device profiles.', [lint]);
