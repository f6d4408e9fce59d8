import { type ExactNumber, numberFromText } from './json-number.ts';

/** Any JSON value. Objects hold every key, `__proto__` too, as an own data property; digit-only keys come first. */
export type JsonValue = null | boolean | string | number | ExactNumber | JsonValue[] | JsonObject;
export type JsonObject = { [key: string]: JsonValue };

/** `maxDepth` counts open arrays and objects; `maxKeys` counts object members of the whole text. */
export interface JsonLimits {
  readonly maxDepth: number;
  readonly maxKeys?: number;
}

/** `problem` never quotes the input; `at` counts from 0, in bytes for byte input, else in UTF-16 units. */
export interface JsonProblem {
  readonly problem: string;
  readonly at: number;
}

export type JsonResult =
  | { readonly ok: true; readonly value: JsonValue }
  | { readonly ok: false; readonly error: JsonProblem };

const SPACE = /[ \t\n\r]*/y;
// Anything but quote, backslash and control characters.
const PLAIN_CHARACTERS = /[ !#-[\]-\uffff]*/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const HEX4 = /[0-9a-fA-F]{4}/y;
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

/** Sets a member as data: an assignment to `__proto__` would change the prototype instead. */
function setMember(object: JsonObject, key: string, value: JsonValue): void {
  if (key === '__proto__') {
    Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
  } else {
    object[key] = value;
  }
}

type Frame =
  | { readonly kind: 'array'; readonly array: JsonValue[] }
  | { readonly kind: 'object'; readonly object: JsonObject; key: string };

/** Strict JSON text (RFC 8259) to values, one pass, no recursion; a method that gives undefined has set `problem`. */
class ExactParser {
  readonly #text: string;
  readonly #maxDepth: number;
  readonly #maxKeys: number;
  readonly #frames: Frame[] = [];
  #at = 0;
  #keys = 0;
  #problem: JsonProblem | undefined;

  constructor(text: string, limits: JsonLimits) {
    this.#text = text;
    this.#maxDepth = limits.maxDepth;
    this.#maxKeys = limits.maxKeys ?? Number.POSITIVE_INFINITY;
  }

  parse(): JsonResult {
    if (this.#text.charCodeAt(0) === 0xfeff) return { ok: false, error: { problem: 'byte order mark', at: 0 } };
    const value = this.#document();
    if (value === undefined) return { ok: false, error: this.#problem ?? { problem: 'not JSON', at: this.#at } };
    return { ok: true, value };
  }

  #document(): JsonValue | undefined {
    for (;;) {
      let value = this.#value();
      if (value === OPENED) continue;
      for (;;) {
        if (value === undefined) return undefined;
        const frame = this.#frames.at(-1);
        this.#skipSpace();
        if (frame === undefined) {
          return this.#at === this.#text.length ? value : this.#fail('text after the value');
        }
        if (frame.kind === 'array') frame.array.push(value);
        else setMember(frame.object, frame.key, value);
        const next = this.#text[this.#at];
        if (next === ',') {
          this.#at++;
          if (frame.kind === 'object' && !this.#key(frame)) return undefined;
          break;
        }
        if (next !== (frame.kind === 'array' ? ']' : '}'))
          return this.#fail(this.#found('a comma or a closing bracket'));
        this.#at++;
        this.#frames.pop();
        value = frame.kind === 'array' ? frame.array : frame.object;
      }
    }
  }

  /** A scalar or an empty container; OPENED when a container with members was entered. */
  #value(): JsonValue | typeof OPENED | undefined {
    this.#skipSpace();
    switch (this.#text[this.#at]) {
      case '{':
        return this.#openObject();
      case '[':
        return this.#openArray();
      case '"':
        return this.#string();
      case 't':
        return this.#word('true', true);
      case 'f':
        return this.#word('false', false);
      case 'n':
        return this.#word('null', null);
      default:
        return this.#number();
    }
  }

  #openArray(): JsonValue | typeof OPENED | undefined {
    if (this.#frames.length >= this.#maxDepth) return this.#fail('nested too deep');
    this.#at++;
    this.#skipSpace();
    const array: JsonValue[] = [];
    if (this.#text[this.#at] === ']') {
      this.#at++;
      return array;
    }
    this.#frames.push({ kind: 'array', array });
    return OPENED;
  }

  #openObject(): JsonValue | typeof OPENED | undefined {
    if (this.#frames.length >= this.#maxDepth) return this.#fail('nested too deep');
    this.#at++;
    this.#skipSpace();
    const object: JsonObject = {};
    if (this.#text[this.#at] === '}') {
      this.#at++;
      return object;
    }
    const frame: Frame = { kind: 'object', object, key: '' };
    this.#frames.push(frame);
    return this.#key(frame) ? OPENED : undefined;
  }

  #key(frame: Extract<Frame, { kind: 'object' }>): boolean {
    this.#skipSpace();
    if (this.#text[this.#at] !== '"') return this.#fail(this.#found('a key in double quotes')) ?? false;
    if (++this.#keys > this.#maxKeys) return this.#fail('too many keys') ?? false;
    const key = this.#string();
    if (key === undefined) return false;
    this.#skipSpace();
    if (this.#text[this.#at] !== ':') return this.#fail(this.#found('a colon')) ?? false;
    this.#at++;
    frame.key = key;
    return true;
  }

  #number(): number | ExactNumber | undefined {
    const text = this.#take(NUMBER);
    return text === '' ? this.#fail(this.#found('a value')) : numberFromText(text);
  }

  #word<T extends JsonValue>(word: string, value: T): T | undefined {
    if (!this.#text.startsWith(word, this.#at)) return this.#fail(this.#found('a value'));
    this.#at += word.length;
    return value;
  }

  #string(): string | undefined {
    this.#at++;
    let value = '';
    for (;;) {
      value += this.#take(PLAIN_CHARACTERS);
      const stop = this.#text[this.#at];
      if (stop === '"') {
        this.#at++;
        return value;
      }
      if (stop === undefined) return this.#fail('unfinished string');
      if (stop !== '\\') return this.#fail('control character in a string');
      const piece = this.#escape();
      if (piece === undefined) return undefined;
      value += piece;
    }
  }

  #escape(): string | undefined {
    const letter = this.#text[this.#at + 1] ?? '';
    if (letter !== 'u') {
      const piece = ESCAPES[letter];
      if (piece === undefined) return this.#fail('unknown escape');
      this.#at += 2;
      return piece;
    }
    const first = this.#hex4(this.#at);
    if (first === undefined) return this.#fail('unfinished \\u escape');
    if (first < 0xd800 || first > 0xdfff) {
      this.#at += 6;
      return String.fromCharCode(first);
    }
    const second = this.#hex4(this.#at + 6);
    if (first > 0xdbff || second === undefined || second < 0xdc00 || second > 0xdfff) {
      return this.#fail('lone surrogate');
    }
    this.#at += 12;
    return String.fromCharCode(first, second);
  }

  #hex4(at: number): number | undefined {
    if (!this.#text.startsWith('\\u', at)) return undefined;
    HEX4.lastIndex = at + 2;
    const match = HEX4.exec(this.#text);
    return match === null ? undefined : Number.parseInt(match[0], 16);
  }

  #take(pattern: RegExp): string {
    const start = this.#at;
    pattern.lastIndex = start;
    if (!pattern.test(this.#text)) return '';
    this.#at = pattern.lastIndex;
    return this.#text.slice(start, this.#at);
  }

  #skipSpace(): void {
    const code = this.#text.charCodeAt(this.#at);
    if (code > 32) return;
    SPACE.lastIndex = this.#at;
    SPACE.test(this.#text);
    this.#at = SPACE.lastIndex;
  }

  #found(wanted: string): string {
    return this.#at >= this.#text.length ? `text ends where ${wanted} should be` : `expected ${wanted}`;
  }

  #fail(problem: string): undefined {
    this.#problem = { problem, at: this.#at };
    return undefined;
  }
}

const OPENED = Symbol('opened');

/** The careful way: handles every text, keeps every number's digits. parseJson calls it where JSON.parse would not do. */
export function parseExactJson(text: string, limits: JsonLimits): JsonResult {
  return new ExactParser(text, limits).parse();
}
