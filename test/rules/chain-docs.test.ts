import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { catalogue } from '../../src/rules/catalogue.ts';
import { ruleNodesMarkdown } from '../../src/rules/chain-docs.ts';
import { LINT_RULES } from '../../src/rules/lint.ts';

const text = ruleNodesMarkdown();

describe('ruleNodesMarkdown', () => {
  it('is the page of the box', () => {
    expect(readFileSync('docs/rule-nodes.md', 'utf8')).toBe(text);
  });

  it.each(catalogue)('has $kind with its fields and examples', (kind) => {
    const section = text.split(`\n## ${kind.kind}\n`)[1]?.split('\n## ')[0] ?? '';
    for (const name of Object.keys(kind.fields)) expect(section).toContain(`| \`${name}\` |`);
    for (const example of kind.examples) expect(section).toContain(`*${example.title}.*`);
  });

  it('shows nodes that are JSON, and every lint rule', () => {
    for (const [, block] of text.matchAll(/```json\n([\s\S]*?)```/g))
      expect(JSON.parse(block ?? '')).toHaveProperty('kind');
    for (const rule of Object.keys(LINT_RULES)) expect(text).toContain(`| \`${rule}\` |`);
  });
});
