/** A variable quantifier without a bound counts as this many ways: patterns only see texts up to this length. */
export const MAX_PATTERN_TEXT = 1_024;
const MAX_PATTERN = 512;
/** Steps that one test of a pattern may take on a text of MAX_PATTERN_TEXT. */
const MAX_COST = 4_000_000;

/**
 * Why a user's regular expression is refused; undefined when its worst case is bounded. The worst case of a backtracking
 * matcher is estimated as the number of ways in which its quantifiers and alternatives can share a text.
 */
export function patternProblem(pattern: string): string | undefined {
  if (pattern.length > MAX_PATTERN) return `the pattern is longer than ${MAX_PATTERN} characters`;
  try {
    new RegExp(pattern, 'u');
  } catch {
    return 'the pattern is not a regular expression';
  }
  if (/\(\?<?[=!]/.test(pattern)) return 'look-around is not allowed in a pattern';
  if (/\\[1-9]|\\k</.test(pattern)) return 'back-references are not allowed in a pattern';
  const reader = new Reader(pattern);
  const cost = reader.alternatives() * (pattern.startsWith('^') ? 1 : MAX_PATTERN_TEXT);
  return cost > MAX_COST
    ? 'the pattern can take too long: use fewer unbounded quantifiers, none inside another, and anchor it with ^'
    : undefined;
}

/** Walks a pattern that RegExp accepted; each method gives the ways in which its part can match. */
class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  alternatives(): number {
    let sum = 0;
    for (;;) {
      sum += this.#sequence();
      if (this.#text[this.#at] !== '|') return sum;
      this.#at++;
    }
  }

  #sequence(): number {
    let product = 1;
    while (this.#at < this.#text.length && this.#text[this.#at] !== '|' && this.#text[this.#at] !== ')') {
      product *= this.#quantified(this.#atom());
    }
    return product;
  }

  #atom(): number {
    const letter = this.#text[this.#at++];
    if (letter === '(') {
      const prefix = /^\?(?::|<[A-Za-z]\w*>)/.exec(this.#text.slice(this.#at));
      this.#at += prefix?.[0].length ?? 0;
      const ways = this.alternatives();
      this.#at++;
      return ways;
    }
    if (letter === '[') this.#skipClass();
    else if (letter === '\\') this.#skipEscape();
    return 1;
  }

  #skipClass(): void {
    while (this.#at < this.#text.length && this.#text[this.#at] !== ']') {
      this.#at += this.#text[this.#at] === '\\' ? 2 : 1;
    }
    this.#at++;
  }

  #skipEscape(): void {
    const rest = this.#text.slice(this.#at);
    this.#at +=
      /^(?:[pP]\{[^}]*\}|u\{[^}]*\}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|c[A-Za-z]|.)/su.exec(rest)?.[0].length ?? 1;
  }

  #quantified(ways: number): number {
    const match = /^(?:([*+?])|\{(\d+)(,?)(\d*)\})\??/.exec(this.#text.slice(this.#at));
    if (match === null) return ways;
    this.#at += match[0].length;
    const [, sign, from = '0', comma, to] = match;
    const least = sign === '+' ? 1 : sign ? 0 : Number(from);
    const most = sign === '?' ? 1 : sign ? MAX_PATTERN_TEXT : !comma ? least : to ? Number(to) : MAX_PATTERN_TEXT;
    return Math.min(most - least + 1, MAX_PATTERN_TEXT) * ways ** most;
  }
}
