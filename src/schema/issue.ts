/** One finding in a file that users edit. */
export interface Issue {
  /** Path as the user gave it. */
  readonly file: string;
  /** JSON pointer, `` for the whole file. */
  readonly at: string;
  /** One of a closed list per room, kebab-case: `unknown-field`, `missing-edge` … */
  readonly rule: string;
  readonly level: 'error' | 'warning';
  readonly problem: string;
  /** What to do: the nearest valid name, the missing word. */
  readonly hint?: string;
}

/** `file: /pointer: problem (hint)`, one line, for terminals and logs. */
export function formatIssue(issue: Issue): string {
  const place = issue.at === '' ? issue.file : `${issue.file}: ${issue.at}`;
  const text = `${place}: ${issue.level}: ${issue.problem}${issue.hint ? ` (${issue.hint})` : ''} [${issue.rule}]`;
  // What stands in a file is quoted: it must not act on the terminal it is shown on, nor begin a line of its own.
  return text.replace(/\p{Cc}/gu, '?');
}
