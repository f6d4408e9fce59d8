import { inspect } from 'node:util';

const REDACTED = '[redacted]';

/**
 * A text that must not be seen: prints, serialises and inspects as `[redacted]`.
 * Only `reveal()` gives the text; call it where the text is hashed or compared, nowhere else.
 */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  [inspect.custom](): string {
    return REDACTED;
  }
}

const OWN_KEY = /\bgm[aps]_[\w-]{20,}/g;

/** The text without keys of this product's making, wherever they stand in it: of suppliers, profiles and the API. */
export function hideKeys(text: string, shown: (key: string) => string = () => REDACTED): string {
  return text.includes('gm') ? text.replace(OWN_KEY, shown) : text;
}
