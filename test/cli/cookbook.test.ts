import { cpSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { lintChains, loadChains, runChainTests } from '../../src/rules/index.ts';
import { createCoverage } from '../../src/rules/tools/index.ts';
import { runCli } from './run-cli.ts';

const cookbook = resolve('docs/cookbook');
const recipes = readdirSync(cookbook);
const page = readFileSync('docs/cookbook.md', 'utf8');

describe('the cookbook', () => {
  it('has ten recipes, each on its page', () => {
    expect(recipes.length).toBeGreaterThanOrEqual(10);
    for (const recipe of recipes) expect(page).toContain(`](cookbook/${recipe}/chain.json)`);
  });

  it.each(recipes)('%s: lint has no word, fmt no change, every case passes, and all is covered', async (recipe) => {
    const folder = join(cookbook, recipe);
    expect(await runCli(['chain', 'lint', '--strict', folder])).toMatchObject({ code: 0, stderr: '' });
    expect(await runCli(['chain', 'fmt', '--check', folder])).toMatchObject({ code: 0 });
    const coverage = createCoverage();
    const { ok, cases, issues } = await runChainTests(folder, coverage);
    expect({ ok, issues, failed: cases.filter((one) => !one.ok) }).toEqual({ ok: true, issues: [], failed: [] });
    expect(cases.length).toBeGreaterThanOrEqual(3);
    const { chains } = coverage.report();
    expect(chains.flatMap(({ nodes, edges, branches }) => [nodes, edges, branches].flatMap((s) => s.missing))).toEqual(
      [],
    );
  });

  it.each(recipes)('%s: is a root chain of its name that says what it is for', async (recipe) => {
    const loaded = await loadChains(join(cookbook, recipe));
    expect(loaded.ok && loaded.generation.root.name).toBe(recipe);
    for (const graph of loaded.ok ? loaded.generation.graphs.values() : []) expect(graph.description).toMatch(/\.$/);
  });

  it.each(recipes)('%s: runs behind the onboarding chain as the page says', async (recipe) => {
    const folder = mkdtempSync(join(tmpdir(), 'gridmoor-cookbook-'));
    cpSync('rule-chains', folder, { recursive: true });
    for (const name of readdirSync(join(cookbook, recipe))) {
      const text = readFileSync(join(cookbook, recipe, name), 'utf8');
      writeFileSync(join(folder, name.replace(/^chain\./, `${recipe}.`)), text.replace('  "root": true,\n', ''));
    }
    const [, nodes = ''] = /```json\n(.*?)```/s.exec(page) ?? [];
    const put = JSON.parse(`{${nodes.trim().replace(/,$/, '').replace('voltage-alarm', recipe)}}`) as object;
    const file = join(folder, 'onboarding.json');
    const { 'save-series': _, 'log-other': __, ...kept } = JSON.parse(readFileSync(file, 'utf8')).nodes;
    const chain = { ...JSON.parse(readFileSync(file, 'utf8')), nodes: { ...kept, ...put } };
    writeFileSync(file, JSON.stringify(chain));
    expect(await lintChains(folder)).toEqual([]);
    const testFile = join(folder, 'onboarding.test.json');
    const tests = JSON.parse(readFileSync(testFile, 'utf8'));
    const cases = tests.cases.filter(({ name }: { name: string }) => !page.includes(`"${name}"`));
    expect(cases).toHaveLength(tests.cases.length - 2);
    writeFileSync(testFile, JSON.stringify({ ...tests, cases }));
    const { ok, issues, cases: ran } = await runChainTests(folder);
    expect({ ok, issues, failed: ran.filter((one) => !one.ok) }).toEqual({ ok: true, issues: [], failed: [] });
  });
});
