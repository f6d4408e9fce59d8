import type { CaseDiff } from './diff-cases.ts';
import type { ChainDiff, Change } from './diff-chains.ts';

export interface DiffReport {
  readonly chains: readonly ChainDiff[];
  /** Tables that nodes read, by path below the folder. */
  readonly files: readonly string[];
  /** Fixtures that come out differently; undefined when they were not run. */
  readonly cases?: readonly CaseDiff[];
}

/** For a terminal: one line a change. */
export function diffText({ chains, files, cases = [] }: DiffReport): string {
  const lines = chains.flatMap(({ chain, changes }) => [`${chain}`, ...changes.map((change) => `  ${lineOf(change)}`)]);
  for (const file of files) lines.push(`~ ${file}`);
  for (const { file, name, at, before, after } of cases) {
    lines.push(`case ${file}: ${name}`, `  from ${at}`, `    before: ${before.told}`, `    after:  ${after.told}`);
  }
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

/** For a pull request. */
export function diffMarkdown({ chains, files, cases }: DiffReport): string {
  if (chains.length + files.length + (cases?.length ?? 0) === 0) return 'The rule chains do the same as before.\n';
  const parts = chains.flatMap(({ chain, changes }) => [
    `### Chain ${code(chain)}`,
    '',
    ...changes.map((change) => `- ${markdownOf(change)}`),
    '',
  ]);
  if (files.length > 0) parts.push('### Tables', '', ...files.map((file) => `- ${code(file)} changed`), '');
  if (cases && cases.length > 0) {
    parts.push(
      '### Tests that come out differently',
      '',
      '| case | differs from | before | after |',
      '|---|---|---|---|',
    );
    for (const { file, name, at, before, after } of cases) {
      parts.push(`| ${cell(`${file}: ${name}`)} | ${cell(at)} | ${cell(before.told)} | ${cell(after.told)} |`);
    }
    parts.push('');
  } else if (cases) parts.push('No test comes out differently.', '');
  return `${parts.join('\n').trimEnd()}\n`;
}

function lineOf(change: Change): string {
  switch (change.kind) {
    case 'chain-added':
      return '+ the chain is new';
    case 'chain-removed':
      return '- the chain is gone';
    case 'root':
    case 'first':
      return `~ ${change.kind}: ${json(change.from)} -> ${json(change.to)}`;
    case 'node-added':
      return `+ ${change.node} (${change.does})`;
    case 'node-removed':
      return `- ${change.node} (${change.does})`;
    case 'node-renamed':
      return `~ ${change.was} is now named ${change.node}`;
    case 'node-kind':
      return `~ ${change.node}: ${change.from} -> ${change.to}`;
    case 'config':
      return `~ ${change.node}${change.at}: ${json(change.from)} -> ${json(change.to)}`;
    case 'edge-added':
      return `+ ${change.node} --${change.label}--> ${change.target}`;
    case 'edge-removed':
      return `- ${change.node} --${change.label}--> ${change.target}`;
  }
}

const WORDS = { '+': 'added', '-': 'removed', '~': 'changed' } as const;

function markdownOf(change: Change): string {
  const line = lineOf(change);
  const word = WORDS[line.charAt(0) as keyof typeof WORDS];
  return `${word}: ${code(line.slice(2))}`;
}

const json = (value: unknown): string => (value === undefined ? 'none' : JSON.stringify(value));
const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

/** A fence longer than any run of backticks inside. */
function code(text: string): string {
  const longest = Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return longest > 0 ? `${fence} ${text} ${fence}` : `${fence}${text}${fence}`;
}
