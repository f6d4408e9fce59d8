import type { SupplyPointWarning } from './scheme.ts';

/** Longer texts are refused before anything reads them. */
const MAX_TEXT = 64;
const SPACES = /[ \u00a0\u2000-\u200a\u202f\u205f\u3000]/g;
const DASHES = /[-\u2010-\u2015\u2212\ufe58\ufe63\uff0d]/g;
const OTHER_SEPARATORS = /[./_]/g;
const LETTERS_AND_DIGITS = /^[A-Za-z0-9]*$/;

export interface CodeText {
  readonly code: string;
  readonly warnings: readonly SupplyPointWarning[];
}

const NONE: readonly SupplyPointWarning[] = [];
const SEPARATORS_DROPPED: readonly SupplyPointWarning[] = ['separators-dropped'];

/** Drops separators and raises ASCII letters; undefined when anything else than letters and digits stays. */
export function codeTextOf(text: unknown): CodeText | undefined {
  if (typeof text !== 'string' || text.length > MAX_TEXT) return undefined;
  if (LETTERS_AND_DIGITS.test(text)) return { code: text.toUpperCase(), warnings: NONE };
  const bare = text.replace(SPACES, '').replace(DASHES, '');
  const code = bare.replace(OTHER_SEPARATORS, '');
  // Checked before the case is raised: toUpperCase would turn other scripts' letters into ASCII ones.
  if (!LETTERS_AND_DIGITS.test(code)) return undefined;
  return { code: code.toUpperCase(), warnings: code.length < bare.length ? SEPARATORS_DROPPED : NONE };
}

/** The DNI table, which Spain and Portugal share. */
const CONTROL_LETTERS = 'TRWAGMYFPDXBNJZSQVHLCKE';

/** The two control letters of sixteen digits: remainder by 529, digit by digit, since a double would round the number. */
export function controlLetters(digits: string): string {
  let rest = 0;
  for (let at = 0; at < digits.length; at++) rest = (rest * 10 + digits.charCodeAt(at) - 48) % 529;
  return CONTROL_LETTERS.charAt(Math.floor(rest / 23)) + CONTROL_LETTERS.charAt(rest % 23);
}
