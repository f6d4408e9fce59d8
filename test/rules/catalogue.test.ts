import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { catalogue } from '../../src/rules/catalogue.ts';

const ROOT = 'src/rules/nodes';
const files = readdirSync(ROOT, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => name.replaceAll('\\', '/').replace(/\.ts$/, ''))
  .sort();

describe('catalogue', () => {
  it('lists every file under nodes/, each kind being its path, in order', () => {
    expect(catalogue.map((kind) => kind.kind)).toEqual(files);
  });

  it.each(files)('%s exports just the one kind', (file) => {
    const exported = readFileSync(`${ROOT}/${file}.ts`, 'utf8').match(/^export .*/gm) ?? [];
    expect(exported).toEqual([expect.stringMatching(/^export const \w+ = defineNode\(\{$/)]);
  });

  it('gives no ThingsBoard class to two kinds', () => {
    const classes = catalogue.flatMap((kind) => ('thingsboard' in kind ? [kind.thingsboard.type] : []));
    expect(new Set(classes).size).toBe(classes.length);
    for (const name of classes)
      expect(name).toMatch(/^org\.thingsboard\.rule\.engine\.[a-z.]+\.(?:Tb\w+|CalculateDelta)Node$/);
  });

  it.each(catalogue)("$kind does not list Failure, which is the engine's", ({ relations }) => {
    expect(relations).not.toContain('Failure');
  });

  it.each(catalogue)('$kind describes itself and every field in sentences', ({ summary, fields }) => {
    expect(summary).toMatch(/^[A-Z].*\.$/);
    for (const { schema } of Object.values(fields)) expect(schema.description).toMatch(/^[A-Z].*\.$/s);
  });
});
