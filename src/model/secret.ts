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
