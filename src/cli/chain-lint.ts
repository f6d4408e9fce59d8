import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { version } from '../app/version.ts';
import { readProfileSchemas } from '../profiles/index.ts';
import { lintChains, loadChains } from '../rules/index.ts';
import { lintTestFiles, lintUnderProfiles, toSarif } from '../rules/tools/index.ts';
import type { Issue } from '../schema/issue.ts';
import { readRegularFile } from '../schema/regular-file.ts';
import { defineCommand } from './command.ts';
import { printIssues, resolveAll } from './findings.ts';
import { EXIT, type Io, UsageError } from './io.ts';
import { printJson } from './table.ts';

const DEFAULT_FOLDER = 'rule-chains';
const PROFILES = 'device-profiles';
const MAX_BYTES = 16 * 1024 * 1024;

export const lint = defineCommand({
  name: 'chain lint',
  summary: 'Checks rule chains without running them; names file, place and repair of every finding.',
  args: '[path...]',
  flags: {
    strict: { type: 'boolean', summary: 'warnings count as errors' },
    sarif: { type: 'boolean', summary: 'print SARIF 2.1.0, for code scanning' },
    profiles: {
      type: 'string',
      value: '<folder>',
      summary: `device profiles whose schemas say what payloads can hold (${PROFILES} when it is there)`,
    },
  },
  notes: `Paths are chain files or folders; without one, ${DEFAULT_FOLDER}/.\nThe rules are listed in docs/rule-nodes.md.`,
  examples: ['gridmoor chain lint rule-chains', 'gridmoor chain lint --sarif > chains.sarif'],
  async run({ json, strict, sarif, profiles }, paths, io) {
    if (json && sarif) throw new UsageError('--json and --sarif are two forms of one report: give one of them.');
    const files = resolveAll(io, paths, DEFAULT_FOLDER);
    const issues = [
      ...(await lintChains(files)),
      ...(await lintTestFiles(files)),
      ...(await underProfiles(io, files, profiles)),
    ];
    if (!sarif) return printIssues(io, issues, { json, strict, what: 'rule chains' });
    printJson(io, toSarif(issues, { version: version(), nameOf: (file) => relative(io.cwd, file), textOf }));
    return issues.some(({ level }) => level === 'error' || strict) ? EXIT.findings : EXIT.fine;
  },
});

async function underProfiles(io: Io, files: readonly string[], given: string | undefined): Promise<Issue[]> {
  const folder = join(io.cwd, given ?? PROFILES);
  if (given === undefined && !existsSync(folder)) return [];
  const loaded = await loadChains(files);
  if (!loaded.ok) return [];
  const read = await readProfileSchemas(given === undefined ? folder : (resolveAll(io, [given], '')[0] ?? folder));
  const found = [...loaded.generation.graphs.values()].flatMap((graph) => lintUnderProfiles(graph, read.profiles));
  return [...(given === undefined ? [] : read.issues), ...found];
}

function textOf(file: string): string | undefined {
  const read = readRegularFile(file, MAX_BYTES);
  return read.ok ? read.bytes.toString('utf8') : undefined;
}
