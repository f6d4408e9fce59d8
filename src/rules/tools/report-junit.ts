import type { CaseResult, ChainTestReport } from '../chain-test.ts';

/** The report as JUnit XML, one suite a file, as CI servers read it. */
export function toJunit({ cases, issues }: ChainTestReport, nameOf: (file: string) => string): string {
  const errors = issues.filter((issue) => issue.level === 'error');
  const files = [...new Set([...cases, ...errors].map(({ file }) => file))];
  const failed = cases.filter((one) => !one.ok).length;
  const suites = files.flatMap((file) => {
    const own = cases.filter((one) => one.file === file);
    const broken = errors.filter((issue) => issue.file === file);
    const head = counts(own.length + broken.length, own.filter((one) => !one.ok).length, broken.length, own);
    return [
      `  <testsuite name="${attribute(nameOf(file))}" ${head}>`,
      ...own.flatMap((one) => caseLines(one, nameOf(file))),
      ...broken.flatMap(({ at, rule, problem }) => [
        `    <testcase name="${attribute(at || rule)}" classname="${attribute(nameOf(file))}" time="0">`,
        `      <error type="${attribute(rule)}" message="${attribute(problem)}"/>`,
        '    </testcase>',
      ]),
      '  </testsuite>',
    ];
  });
  const head = counts(cases.length + errors.length, failed, errors.length, cases);
  return ['<?xml version="1.0" encoding="UTF-8"?>', `<testsuites ${head}>`, ...suites, '</testsuites>', ''].join('\n');
}

function counts(tests: number, failures: number, errors: number, cases: readonly CaseResult[]): string {
  const seconds = cases.reduce((sum, one) => sum + one.ms, 0) / 1000;
  return `tests="${tests}" failures="${failures}" errors="${errors}" time="${seconds.toFixed(6)}"`;
}

function caseLines(one: CaseResult, file: string): string[] {
  const head = `<testcase name="${attribute(one.name)}" classname="${attribute(file)}" time="${(one.ms / 1000).toFixed(6)}"`;
  if (one.ok) return [`    ${head}/>`];
  const [first = ''] = one.differences;
  return [
    `    ${head}>`,
    `      <failure type="difference" message="${attribute(first.split('\n')[0] ?? '')}">${text(one.differences.join('\n'))}</failure>`,
    '    </testcase>',
  ];
}

/** Characters that XML 1.0 cannot hold at all, escaped or not. */
const FORBIDDEN = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;

function text(value: string): string {
  return value.replace(FORBIDDEN, '?').replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function attribute(value: string): string {
  return text(value)
    .replaceAll('"', '&quot;')
    .replaceAll('\n', '&#10;')
    .replaceAll('\t', '&#9;')
    .replaceAll('\r', '&#13;');
}
