import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { catalogue } from '../../../src/rules/catalogue.ts';
import { isChainFile } from '../../../src/rules/chain-files.ts';
import { runChainTests } from '../../../src/rules/chain-test.ts';
import { diffChains } from '../../../src/rules/tools/diff-chains.ts';
import { readGraphs } from '../../../src/rules/tools/read-graphs.ts';
import { type Chain, type Mutant, mutantsOf, shuffled } from './mutants.ts';

const CHAINS = 'rule-chains';
const MUTANTS = 50;
const SEED = 20_260_301;
const kinds = new Map(catalogue.map((kind) => [kind.kind, kind]));

describe('the tests of the shipped chains', () => {
  it(`catch at least 95 % of ${MUTANTS} seeded mutants`, async () => {
    const files = readdirSync(CHAINS).filter(isChainFile);
    const mutants = files.flatMap((file): (Mutant & { readonly file: string })[] => {
      const chain = JSON.parse(readFileSync(join(CHAINS, file), 'utf8')) as Chain;
      return mutantsOf(chain).map((mutant) => ({ ...mutant, file }));
    });
    const folder = mkdtempSync(join(tmpdir(), 'gridmoor-mutants-'));
    try {
      cpSync(CHAINS, folder, { recursive: true });
      const before = await readGraphs(CHAINS);
      const survived: string[] = [];
      let tried = 0;
      for (const { what, chain, file } of shuffled(mutants, SEED)) {
        if (tried === MUTANTS) break;
        writeFileSync(join(folder, file), JSON.stringify(chain));
        const after = await readGraphs(folder);
        const report = await runChainTests(folder);
        writeFileSync(join(folder, file), readFileSync(join(CHAINS, file)));
        // One that does the same, or that no broker would load, shows nothing about the tests.
        const same = diffChains(before.graphs, after.graphs, kinds).length === 0;
        if (same || report.issues.some(({ level }) => level === 'error')) continue;
        tried++;
        if (report.ok) survived.push(what);
      }
      expect(tried).toBe(MUTANTS);
      expect(survived.length, survived.join('\n')).toBeLessThanOrEqual(Math.floor(MUTANTS * 0.05));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }, 60_000);
});
