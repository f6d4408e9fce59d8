import { resolve } from 'node:path';
import { parseRecording } from '../rules/index.ts';
import {
  createOutside,
  loadForRehearsal,
  type ReplayGroup,
  replay as replayMessages,
  type Side,
  type Stage,
} from '../rules/tools/index.ts';
import { readRegularFile } from '../schema/regular-file.ts';
import { defineCommand } from './command.ts';
import { printIssues } from './findings.ts';
import { openSource, type Source } from './git-revision.ts';
import { CommandFailure, EXIT, type Io, UsageError } from './io.ts';
import { cleanText, printJson } from './table.ts';

const MAX_BYTES = 64 * 1024 * 1024;
const SHOWN = 5;

export const replay = defineCommand({
  name: 'chain replay',
  summary:
    'Plays recorded traffic through old and new chains, offline, and shows the messages that come out differently.',
  args: '<recording>',
  flags: {
    old: { type: 'string', value: '<path>', summary: 'chains before: a file, a folder or REVISION:path' },
    new: { type: 'string', value: '<path>', summary: 'chains after (rule-chains)' },
    all: { type: 'boolean', summary: `show more than ${SHOWN} messages of each node` },
  },
  notes:
    'A recording comes from gridmoor record. Both sides begin with an empty world, but for the suppliers whose keys were\n' +
    'good; nodes that reach outside fail on both sides alike. Exit 0: all the same; 1: different; 2: something cannot be read.',
  examples: ['gridmoor chain replay traffic.ndjson --old main:rule-chains --new rule-chains'],
  async run({ json, old, new: now = 'rule-chains', all }, [file = ''], io) {
    if (old === undefined) throw new UsageError('gridmoor chain replay: --old is missing.');
    const read = readRegularFile(resolve(io.cwd, file), MAX_BYTES);
    const recording = read.ok ? parseRecording(read.bytes.toString('utf8')) : read;
    if (!recording.ok) throw new CommandFailure(EXIT.usage, `${file} ${recording.problem}.`);
    const sources: Source[] = [];
    try {
      for (const text of [old, now]) sources.push(openSource(io, text));
      const [before, after] = await Promise.all(sources.map(({ path }) => load(io, path, json)));
      if (before === undefined || after === undefined) return EXIT.usage;
      const groups = await replayMessages(recording.messages, before, after);
      const total = recording.messages.length;
      if (json) printJson(io, { messages: total, groups });
      else printGroups(io, groups, total, all ? Number.POSITIVE_INFINITY : SHOWN);
      return groups.length === 0 ? EXIT.fine : EXIT.findings;
    } finally {
      for (const source of sources) source.close();
    }
  },
});

async function load(io: Io, path: string, json: boolean): Promise<Side | undefined> {
  const stage: Stage = { outside: createOutside('') };
  const loaded = await loadForRehearsal(path, stage);
  if (loaded.ok) return { generation: loaded.generation, stage };
  printIssues(io, loaded.issues, { json, strict: false, what: path });
  return undefined;
}

function printGroups(io: Io, groups: readonly ReplayGroup[], total: number, shown: number): void {
  const line = (text: string): unknown => io.stdout.write(`${cleanText(text)}\n`);
  const different = groups.reduce((sum, { differences }) => sum + differences.length, 0);
  line(`${different} of ${total} messages come out differently`);
  for (const { node, differences } of groups) {
    line('');
    line(`${node}: ${differences.length}`);
    for (const { message, from, type, at, before, after } of differences.slice(0, shown)) {
      line(`  ${message}: ${from} ${type} at ${new Date(at).toISOString()}`);
      for (const [when, side] of [['before', before] as const, ['after ', after] as const]) {
        line(`    ${when} ${side.outcome}: ${side.path.join(' > ')}`);
        if (side.does !== undefined) line(`           ${side.does}`);
      }
    }
    if (differences.length > shown) line(`  and ${differences.length - shown} more: --all shows them`);
  }
}
