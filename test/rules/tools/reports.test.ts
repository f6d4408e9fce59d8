import { describe, expect, it } from 'vitest';
import type { ChainTestReport } from '../../../src/rules/chain-test.ts';
import { toJunit } from '../../../src/rules/tools/report-junit.ts';
import { toTap } from '../../../src/rules/tools/report-tap.ts';

const REPORT: ChainTestReport = {
  ok: false,
  cases: [
    { file: '/w/a.test.json', name: 'first # of \\ all', ok: true, differences: [], ms: 1.5 },
    {
      file: '/w/a.test.json',
      name: 'a < b & "c"\u0007',
      ok: false,
      differences: ['path\n  expected: a > b\n  actual:   a'],
      ms: 2,
    },
  ],
  issues: [
    { file: '/w/b.test.json', at: '/cases/0', rule: 'unknown-field', level: 'error', problem: 'is not known' },
    { file: '/w/b.test.json', at: '', rule: 'x', level: 'warning', problem: 'no failure' },
  ],
};
const nameOf = (file: string): string => file.slice(3);

describe('reports of chain tests', () => {
  it('TAP: a line a case, differences as YAML, unreadable files as failures', () => {
    expect(toTap(REPORT, nameOf)).toBe(
      [
        'TAP version 14',
        '1..3',
        'ok 1 - a.test.json: first \\# of \\\\ all',
        '  ---',
        '  duration_ms: 1.500',
        '  ...',
        'not ok 2 - a.test.json: a < b & "c"',
        '  ---',
        '  duration_ms: 2.000',
        '  message: |',
        '    path',
        '      expected: a > b',
        '      actual:   a',
        '  ...',
        'not ok 3 - b.test.json /cases/0',
        '  ---',
        '  message: |',
        '    is not known',
        '  ...',
        '',
      ].join('\n'),
    );
  });

  it('JUnit: a suite a file, counts that add up, markup escaped, no forbidden character', () => {
    const xml = toJunit(REPORT, nameOf);
    expect(xml).toContain('<testsuites tests="3" failures="1" errors="1" time="0.003500">');
    expect(xml).toContain('<testsuite name="a.test.json" tests="2" failures="1" errors="0" time="0.003500">');
    expect(xml).toContain('name="a &lt; b &amp; &quot;c&quot;?"');
    expect(xml).toContain('message="path">path\n  expected: a &gt; b\n  actual:   a</failure>');
    expect(xml).toContain('<error type="unknown-field" message="is not known"/>');
    expect(xml.match(/<testcase /g)).toHaveLength(3);
    expect(wellFormed(xml)).toBe(true);
  });
});

/** Every tag that opens is closed, in order. */
function wellFormed(xml: string): boolean {
  const open: string[] = [];
  for (const [, slash, name, end] of xml.matchAll(/<(\/?)([a-z]+)(?:\s+[a-z]+="[^"<]*")*\s*(\/?)>/g)) {
    if (slash) {
      if (open.pop() !== name) return false;
    } else if (!end) open.push(name ?? '');
  }
  return open.length === 0;
}
