import { describe, expect, it } from 'vitest';
import type { Io } from '../../src/cli/io.ts';
import { cleanText, formatTime, printFacts, printTable } from '../../src/cli/table.ts';

function written(isTty: boolean, print: (io: Io) => void): string {
  const out: string[] = [];
  const sink = { write: (text: string) => out.push(text) };
  print({ stdout: sink, stderr: sink, stdin: (async function* () {})(), env: {}, cwd: '/', isTty });
  return out.join('');
}

describe('printTable', () => {
  it('shows a missing cell as a dash, and no headings into a pipe', () => {
    expect(written(false, (io) => printTable(io, ['a', 'b'], [[1, undefined]]))).toBe('1\t-\n');
  });

  it('has headings on a terminal also without a row', () => {
    expect(written(true, (io) => printTable(io, ['id', 'name'], []))).toBe('ID  NAME\n');
  });
});

describe('printFacts', () => {
  it('leaves out what has no value, and keeps a false and a zero', () => {
    const text = written(true, (io) =>
      printFacts(io, [
        ['a', undefined],
        ['b', ''],
        ['c', false],
        ['dd', 0],
      ]),
    );
    expect(text).toBe('c:  false\ndd: 0\n');
  });
});

describe('cleanText', () => {
  it('lets no control character through, neither C0 nor C1', () => {
    expect(cleanText('a\u001b[2J\u009b1m\tb\n')).toBe('a?[2J?1m?b?');
  });
});

describe('formatTime', () => {
  it('gives ISO 8601 to the second, nothing for nothing', () => {
    expect(formatTime(1_700_000_000_999)).toBe('2023-11-14T22:13:20Z');
    expect(formatTime(undefined)).toBe('');
  });
});
