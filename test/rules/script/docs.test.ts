import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { compileScript, DEFAULT_SCRIPT_LIMITS, type MsgScript } from '../../../src/rules/script/index.ts';
import { javaScript } from '../../../src/rules/script/javascript.ts';
import type { Language } from '../../../src/rules/script/language.ts';
import { tbel } from '../../../src/rules/script/tbel.ts';
import { testMsg } from '../../helpers/chain-kit.ts';
import { NOW } from './run-script.ts';

const page = readFileSync('docs/scripts.md', 'utf8');

interface Wanted {
  readonly use: 'filter' | 'switch' | 'transform' | 'json';
  readonly msg?: object;
  readonly gives?: unknown;
  readonly fails?: string;
  readonly refused?: string;
}

const BLOCK = /```(js|tbel)\n([\s\S]*?)```\n(?:```json\n([\s\S]*?)```)?/g;
const examples = [...page.matchAll(BLOCK)].map(([, lang, text = '', wanted = '']) => ({
  lang: lang === 'tbel' ? ('TBEL' as const) : ('JS' as const),
  text: text.trimEnd(),
  wanted: JSON.parse(wanted) as Wanted,
}));

function run(script: MsgScript, { use, msg = {} }: Wanted): unknown {
  const message = testMsg({ data: { ...msg } as never });
  if (use === 'filter') return script.test(message, NOW);
  if (use === 'switch') return script.labels(message, NOW);
  if (use === 'json') return script.json(message, NOW);
  return script.transform(message, NOW).map(({ data, metadata }) => ({
    msg: data,
    ...(Object.keys(metadata).length > 0 ? { metadata } : {}),
  }));
}

describe('docs/scripts.md', () => {
  it('has examples of both languages', () => {
    expect(new Set(examples.map(({ lang }) => lang))).toEqual(new Set(['JS', 'TBEL']));
  });

  it.each(examples)('$lang: $text', ({ lang, text, wanted }) => {
    const compiled = compileScript(text, { lang });
    if (!compiled.ok) {
      const [{ line, column, problem, hint }] = compiled.problems;
      expect(`line ${line}, column ${column}: ${problem} (${hint})`).toBe(wanted.refused);
      return;
    }
    expect(wanted.refused).toBeUndefined();
    if (wanted.fails === undefined) expect(run(compiled.script, wanted)).toEqual(wanted.gives);
    else expect(() => run(compiled.script, wanted)).toThrow(wanted.fails);
  });

  const [jsPart = '', tbelPart = ''] = page.split('## TBEL');
  const namesOf = ({ methods, functions, namespaces }: Language): string[] => [
    ...[...methods].filter(([, types]) => !types.date).map(([name]) => name),
    ...functions.keys(),
    ...[...namespaces.values()].flatMap((one) => [...one.functions.keys(), ...one.constants.keys()]),
  ];

  it('names everything that the languages have', () => {
    const missing = (part: string, names: readonly string[]) =>
      names.filter((name) => !new RegExp(`\`(?:\\w+\\.)?${name}\``).test(part));
    expect(missing(jsPart, namesOf(javaScript))).toEqual([]);
    expect(missing(page, namesOf(tbel))).toEqual([]);
    expect(missing(tbelPart, [...tbel.functions.keys()])).toEqual([]);
  });

  it('says the limits as they are', () => {
    for (const limit of Object.values(DEFAULT_SCRIPT_LIMITS)) expect(page).toContain(limit.toLocaleString('en-US'));
  });
});
