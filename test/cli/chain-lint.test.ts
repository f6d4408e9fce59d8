import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Issue } from '../../src/schema/issue.ts';
import { runCli } from './run-cli.ts';

interface Seeded {
  /** null: a clean folder. */
  readonly finds: { readonly rule: string; readonly at: string } | null;
  readonly files: Readonly<Record<string, unknown>>;
  readonly profiles?: string;
}

const CORPUS = 'test/fixtures/lint';
const corpus = readdirSync(CORPUS).map((name): [string, Seeded] => [
  name.replace('.json', ''),
  JSON.parse(readFileSync(join(CORPUS, name), 'utf8')),
]);

function folderOf({ files }: Seeded): string {
  const folder = mkdtempSync(join(tmpdir(), 'gridmoor-lint-'));
  for (const [name, value] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), JSON.stringify(value, null, 2));
  }
  return folder;
}

async function lint(seeded: Seeded, ...flags: string[]) {
  const profiles = seeded.profiles ? ['--profiles', seeded.profiles] : [];
  return await runCli(['chain', 'lint', '.', ...profiles, ...flags], { cwd: folderOf(seeded) });
}

describe('chain lint on the corpus of seeded defects', () => {
  it.each(corpus)('%s: finds what was seeded, and nothing else', async (_, seeded) => {
    const ran = await lint(seeded, '--json', '--strict');
    const { issues } = JSON.parse(ran.stdout) as { issues: Issue[] };
    expect(issues.map(({ rule, at }) => ({ rule, at }))).toEqual(seeded.finds ? [seeded.finds] : []);
    expect(ran.code).toBe(seeded.finds ? 1 : 0);
  });

  it('holds thirty defects and ten clean folders', () => {
    const defects = corpus.filter(([, { finds }]) => finds !== null).length;
    expect(defects).toBeGreaterThanOrEqual(30);
    expect(corpus.length - defects).toBeGreaterThanOrEqual(10);
  });
});

interface SarifRun {
  readonly tool: { readonly driver: { readonly name: string; readonly rules: readonly { readonly id: string }[] } };
  readonly results: readonly {
    readonly ruleId: string;
    readonly ruleIndex: number;
    readonly level: string;
    readonly message: { readonly text: string };
    readonly locations: readonly {
      readonly physicalLocation: {
        readonly artifactLocation: { readonly uri: string };
        readonly region: { readonly startLine: number; readonly startColumn: number };
      };
    }[];
  }[];
}

describe('chain lint --sarif', () => {
  it('is SARIF 2.1.0: rules, levels, files, lines and columns', async () => {
    for (const [name, seeded] of corpus) {
      const ran = await lint(seeded, '--sarif');
      const sarif = JSON.parse(ran.stdout) as { version: string; $schema: string; runs: SarifRun[] };
      expect(sarif.version, name).toBe('2.1.0');
      expect(sarif.$schema).toContain('sarif-2.1.0');
      const [run] = sarif.runs;
      if (!run) throw new Error('no run');
      const ids = run.tool.driver.rules.map((rule) => rule.id);
      expect(new Set(ids).size).toBe(ids.length);
      for (const result of run.results) {
        expect(ids[result.ruleIndex], name).toBe(result.ruleId);
        expect(['error', 'warning', 'note', 'none']).toContain(result.level);
        expect(result.message.text).not.toBe('');
        const [location] = result.locations;
        const { artifactLocation, region } = location?.physicalLocation ?? {};
        expect(artifactLocation?.uri).toMatch(/^[^/\\:]+\.json$/);
        const lines = readLines(seeded, artifactLocation?.uri ?? '');
        expect(region?.startLine).toBeLessThanOrEqual(lines.length);
        expect(region?.startColumn).toBeLessThanOrEqual((lines[(region?.startLine ?? 1) - 1] ?? '').length + 1);
      }
    }
  });

  it('points at the line of the finding', async () => {
    const [, seeded] = corpus.find(([name]) => name === 'misspelt-node') ?? [];
    if (!seeded) throw new Error('not in the corpus');
    const { runs } = JSON.parse((await lint(seeded, '--sarif')).stdout) as { runs: SarifRun[] };
    const region = runs[0]?.results[0]?.locations[0]?.physicalLocation.region;
    expect(readLines(seeded, 'main.json')[(region?.startLine ?? 1) - 1]?.trim()).toBe('"Success": "svae"');
  });

  it('does not go with --json', async () => {
    expect(await runCli(['chain', 'lint', '--json', '--sarif'])).toMatchObject({ code: 2 });
  });
});

const readLines = (seeded: Seeded, file: string): string[] => JSON.stringify(seeded.files[file], null, 2).split('\n');
