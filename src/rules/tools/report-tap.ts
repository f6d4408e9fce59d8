import type { ChainTestReport } from '../chain-test.ts';

/** The report as TAP 14: one line a case, differences as a YAML block, unreadable files as failures. */
export function toTap({ cases, issues }: ChainTestReport, nameOf: (file: string) => string): string {
  const failures = issues.filter((issue) => issue.level === 'error');
  const lines = ['TAP version 14', `1..${cases.length + failures.length}`];
  cases.forEach((one, index) => {
    lines.push(`${one.ok ? 'ok' : 'not ok'} ${index + 1} - ${plain(`${nameOf(one.file)}: ${one.name}`)}`);
    lines.push('  ---', `  duration_ms: ${one.ms.toFixed(3)}`);
    if (!one.ok) lines.push('  message: |', ...block(one.differences.join('\n')));
    lines.push('  ...');
  });
  failures.forEach((issue, index) => {
    lines.push(`not ok ${cases.length + index + 1} - ${plain(`${nameOf(issue.file)} ${issue.at}`)}`);
    lines.push('  ---', '  message: |', ...block(issue.problem), '  ...');
  });
  return `${lines.join('\n')}\n`;
}

const block = (text: string): string[] => text.split('\n').map((line) => `    ${line.replace(/\p{Cc}/gu, '?')}`);
/** `#` would begin a directive; control characters a line of their own. */
const plain = (text: string): string =>
  text
    .replace(/\p{Cc}/gu, ' ')
    .replaceAll('\\', '\\\\')
    .replaceAll('#', '\\#')
    .trim();
