/** A regular expression as a tree; groups and lazy marks are gone, since only "matches or not" is asked. */
export type PatternNode =
  | { readonly kind: 'char'; readonly test: (codePoint: number) => boolean }
  | { readonly kind: 'start' }
  | { readonly kind: 'end' }
  | { readonly kind: 'sequence'; readonly items: readonly PatternNode[] }
  | { readonly kind: 'choice'; readonly options: readonly PatternNode[] }
  | { readonly kind: 'repeat'; readonly item: PatternNode; readonly min: number; readonly max: number };

export type SyntaxResult =
  | { readonly ok: true; readonly node: PatternNode }
  | { readonly ok: false; readonly problem: string };

type CharTest = (codePoint: number) => boolean;

const MAX_LENGTH = 512;
const MAX_GROUPS_DEEP = 20;
const MAX_REPEAT = 500;

const WHITE_SPACE = /^\s$/;
const digit: CharTest = (c) => c >= 48 && c <= 57;
const word: CharTest = (c) => digit(c) || (c >= 65 && c <= 90) || (c >= 97 && c <= 122) || c === 95;
const space: CharTest = (c) => (c < 128 ? c === 32 || (c >= 9 && c <= 13) : WHITE_SPACE.test(String.fromCodePoint(c)));
const anything: CharTest = (c) => c !== 10 && c !== 13 && c !== 0x2028 && c !== 0x2029;
const classEscapes: Readonly<Record<string, CharTest>> = {
  d: digit,
  D: (c) => !digit(c),
  w: word,
  W: (c) => !word(c),
  s: space,
  S: (c) => !space(c),
};
const controlEscapes: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13 };
const SYNTAX_CHARACTERS = '^$\\.*+?()[]{}|/';
const BOUNDS = /\{([0-9]{1,4})(?:(,)([0-9]{1,4})?)?\}/y;

class PatternSyntaxError extends Error {}

/** Reads a pattern: JavaScript's Unicode mode without look-around, back references, \b and property escapes. */
export function parsePattern(source: string): SyntaxResult {
  if (source.length > MAX_LENGTH) return { ok: false, problem: `the pattern is longer than ${MAX_LENGTH} characters` };
  try {
    return { ok: true, node: new Reader(source).pattern() };
  } catch (error) {
    if (error instanceof PatternSyntaxError) return { ok: false, problem: error.message };
    throw error;
  }
}

class Reader {
  readonly #source: string;
  #at = 0;
  #depth = 0;

  constructor(source: string) {
    this.#source = source;
  }

  pattern(): PatternNode {
    const node = this.#choice();
    if (this.#at < this.#source.length) throw this.#error('unmatched )');
    return node;
  }

  #choice(): PatternNode {
    const options = [this.#sequence()];
    while (this.#take('|')) options.push(this.#sequence());
    const [only] = options;
    return options.length === 1 && only !== undefined ? only : { kind: 'choice', options };
  }

  #sequence(): PatternNode {
    const items: PatternNode[] = [];
    while (this.#at < this.#source.length && !'|)'.includes(this.#source.charAt(this.#at))) items.push(this.#term());
    return { kind: 'sequence', items };
  }

  #term(): PatternNode {
    if (this.#take('^')) return { kind: 'start' };
    if (this.#take('$')) return { kind: 'end' };
    const item = this.#atom();
    const bounds = this.#quantifier();
    if (bounds === undefined) return item;
    this.#take('?');
    return { kind: 'repeat', item, ...bounds };
  }

  #quantifier(): { min: number; max: number } | undefined {
    if (this.#take('*')) return { min: 0, max: Number.POSITIVE_INFINITY };
    if (this.#take('+')) return { min: 1, max: Number.POSITIVE_INFINITY };
    if (this.#take('?')) return { min: 0, max: 1 };
    if (this.#source[this.#at] !== '{') return undefined;
    BOUNDS.lastIndex = this.#at;
    const match = BOUNDS.exec(this.#source);
    if (match === null) throw this.#error('expected {n}, {n,} or {n,m}');
    this.#at = BOUNDS.lastIndex;
    const min = Number(match[1]);
    const open = match[2] !== undefined && match[3] === undefined;
    const max = open ? Number.POSITIVE_INFINITY : Number(match[3] ?? min);
    if (max < min) throw this.#error('the bounds of {n,m} are out of order');
    if (min > MAX_REPEAT || (!open && max > MAX_REPEAT)) throw this.#error(`repeats at most ${MAX_REPEAT} times`);
    return { min, max };
  }

  #atom(): PatternNode {
    if (this.#take('(')) return this.#group();
    if (this.#take('[')) return { kind: 'char', test: this.#class() };
    if (this.#take('.')) return { kind: 'char', test: anything };
    if (this.#take('\\')) {
      const meant = this.#escape('');
      return { kind: 'char', test: typeof meant === 'number' ? (c) => c === meant : meant };
    }
    const character = this.#character();
    if ('*+?'.includes(character)) throw this.#error(`nothing to repeat before ${character}`);
    if ('{}]'.includes(character)) throw this.#error(`write \\${character} for the character ${character}`);
    const codePoint = character.codePointAt(0);
    return { kind: 'char', test: (c) => c === codePoint };
  }

  #group(): PatternNode {
    if (this.#source[this.#at] === '?' && !this.#take('?:'))
      throw this.#error('only (…) and (?:…) groups are supported');
    if (++this.#depth > MAX_GROUPS_DEEP) throw this.#error('groups are nested too deep');
    const node = this.#choice();
    if (!this.#take(')')) throw this.#error('a group is not closed');
    this.#depth--;
    return node;
  }

  #class(): CharTest {
    const negated = this.#take('^');
    const tests: CharTest[] = [];
    while (!this.#take(']')) {
      const from = this.#classMember();
      if (this.#source[this.#at] !== '-' || this.#source[this.#at + 1] === ']') {
        tests.push(typeof from === 'number' ? (c) => c === from : from);
        continue;
      }
      this.#at++;
      const to = this.#classMember();
      if (typeof from !== 'number' || typeof to !== 'number' || from > to)
        throw this.#error('a range needs two characters in order');
      tests.push((c) => c >= from && c <= to);
    }
    if (tests.length === 0) throw this.#error('a class [] is empty');
    return negated ? (c) => !tests.some((test) => test(c)) : (c) => tests.some((test) => test(c));
  }

  #classMember(): number | CharTest {
    if (this.#at >= this.#source.length) throw this.#error('a class [ is not closed');
    if (this.#take('\\')) return this.#escape('-');
    return this.#character().codePointAt(0) ?? 0;
  }

  /** What stands behind a backslash. */
  #escape(alsoLiteral: string): number | CharTest {
    const letter = this.#source[this.#at] ?? '';
    const known = controlEscapes[letter] ?? classEscapes[letter];
    if (known === undefined && (letter === '' || !(SYNTAX_CHARACTERS + alsoLiteral).includes(letter))) {
      throw this.#error(`the escape \\${letter} is not supported`);
    }
    this.#at++;
    return known ?? letter.charCodeAt(0);
  }

  #character(): string {
    const character = String.fromCodePoint(this.#source.codePointAt(this.#at) ?? 0);
    this.#at += character.length;
    return character;
  }

  #take(text: string): boolean {
    if (!this.#source.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  #error(problem: string): PatternSyntaxError {
    return new PatternSyntaxError(`${problem}, at position ${this.#at} of the pattern`);
  }
}
