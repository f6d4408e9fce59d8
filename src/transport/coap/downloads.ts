import type { Clock } from '../../model/clock.ts';
import { type Answer, plain } from './answer.ts';
import { blockOption, LARGEST_BLOCK } from './block.ts';
import { CODES, type CoapOption, NOTHING, OPTIONS, uintOption } from './codec.ts';
import type { Reply } from './endpoint.ts';
import type { CoapRequest } from './request.ts';

interface Kept {
  readonly answer: Answer;
  readonly at: number;
  readonly bytes: number;
}

const LIFETIME_MS = 247_000;
const ENTRY_BYTES = 500;

/** Answers that go out in blocks (RFC 7959 2.4), kept for the requests of their further blocks. Bounded: the oldest give way. */
export class Downloads {
  readonly #maxBytes: number;
  readonly #clock: Clock;
  /** By resource, the one that was asked for longest ago first. */
  readonly #kept = new Map<string, Kept>();
  #bytes = 0;

  constructor(maxBytes: number, clock: Clock) {
    this.#maxBytes = maxBytes;
    this.#clock = clock;
  }

  /** The answer whose next block a request asks for; undefined: it is none such, or the answer has been forgotten. */
  find({ resource, block2 }: CoapRequest): Answer | undefined {
    if (block2 === undefined || block2.number === 0) return undefined;
    this.#forgetOld();
    const kept = this.#kept.get(resource);
    if (!kept) return undefined;
    this.#forget(resource);
    this.#keep(resource, kept.answer);
    return kept.answer;
  }

  /** The block of the answer that was asked for, or the whole, as a message. */
  async reply(request: Pick<CoapRequest, 'resource' | 'block2'>, answer: Answer): Promise<Reply> {
    const { code, body, written } = answer;
    const options: CoapOption[] = [...(answer.options ?? [])];
    const more = written ? { written } : {};
    if (!body) return { code, options, payload: NOTHING, ...more };
    const { number, size } = request.block2 ?? { number: 0, size: LARGEST_BLOCK };
    const offset = number * size;
    if (offset > 0 && offset >= body.size) {
      return this.reply({ resource: request.resource, block2: undefined }, plain(CODES.badRequest, 'past the end'));
    }
    options.push(uintOption(OPTIONS.contentFormat, body.format));
    const rest = body.size - offset;
    if (request.block2 || rest > size) {
      options.push(blockOption(OPTIONS.block2, { number, more: rest > size, size }));
      options.push({ number: OPTIONS.etag, value: body.tag() });
      if (number === 0) options.push(uintOption(OPTIONS.size2, body.size));
      if (number === 0 && rest > size) this.keep(request.resource, answer);
    }
    return { code, options, payload: await body.read(offset, size), ...more };
  }

  /** Keeps an answer, or a notification, whose further blocks will be asked for. */
  keep(resource: string, { code, body }: Answer): void {
    this.#forget(resource);
    this.#keep(resource, { code, ...(body ? { body } : {}) });
    this.#forgetOld();
  }

  get size(): number {
    return this.#kept.size;
  }

  #keep(resource: string, answer: Answer): void {
    const bytes = ENTRY_BYTES + resource.length + (answer.body?.held ?? 0);
    this.#kept.set(resource, { answer, at: this.#clock.monotonic(), bytes });
    this.#bytes += bytes;
  }

  #forget(resource: string): void {
    const kept = this.#kept.get(resource);
    if (!kept) return;
    this.#kept.delete(resource);
    this.#bytes -= kept.bytes;
  }

  #forgetOld(): void {
    const before = this.#clock.monotonic() - LIFETIME_MS;
    for (const [resource, kept] of this.#kept) {
      if (kept.at > before && this.#bytes <= this.#maxBytes) return;
      this.#forget(resource);
    }
  }
}
