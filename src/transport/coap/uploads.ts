import type { Clock } from '../../model/clock.ts';
import { type Answer, plain } from './answer.ts';
import { blockOption } from './block.ts';
import { CODES, OPTIONS, uintOption } from './codec.ts';
import type { CoapRequest } from './request.ts';

export interface UploadLimits {
  /** Of one body. */
  readonly maxBytes: number;
  /** Of all bodies that are not complete. */
  readonly maxTotalBytes: number;
}

/** `answer`: the block is taken or refused, and there is nothing to run yet. */
export type Upload =
  | { readonly kind: 'whole'; readonly payload: Buffer }
  | { readonly kind: 'answer'; readonly answer: Answer };

interface Draft {
  readonly blocks: Buffer[];
  bytes: number;
  /** Of the last block. */
  from: number;
  at: number;
}

const LIFETIME_MS = 247_000;
/** Of a draft besides its bytes, roughly. */
const DRAFT_BYTES = 500;

/**
 * Bodies that come in blocks (RFC 7959 2.5), in order, one of a resource and peer at a time. Bounded: the oldest give way, and
 * their next block hears 4.08, so that the peer begins anew.
 */
export class Uploads {
  readonly #limits: UploadLimits;
  readonly #clock: Clock;
  /** The one that got a block longest ago first. */
  readonly #drafts = new Map<string, Draft>();
  #bytes = 0;

  constructor(limits: UploadLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Whether the request is the first block of several, for which the peer must be known. */
  static begins({ block1 }: CoapRequest): boolean {
    return block1?.number === 0 && block1.more;
  }

  take({ resource, block1, payload }: CoapRequest): Upload {
    const { maxBytes } = this.#limits;
    if (payload.length > maxBytes) return refuse(this.#tooLarge());
    if (!block1) return { kind: 'whole', payload };
    const { number, more, size } = block1;
    const from = number * size;
    if (more && payload.length !== size) return refuse(plain(CODES.badRequest, 'the block is not of its size'));
    if (number === 0) {
      this.#forget(resource);
      if (!more) return { kind: 'whole', payload };
      this.#add(resource);
    }
    this.#forgetOld();
    const draft = this.#drafts.get(resource);
    if (draft && more && from === draft.from && draft.blocks.length > 0) return this.#continue(block1); // taken already
    if (!draft || from !== draft.bytes) {
      this.#forget(resource);
      return refuse(plain(CODES.incomplete, 'blocks before this one are missing'));
    }
    if (from + payload.length > maxBytes) {
      this.#forget(resource);
      return refuse(this.#tooLarge());
    }
    // The datagram's own memory is a whole read buffer.
    draft.blocks.push(Buffer.from(payload));
    if (!more) {
      this.#forget(resource);
      return { kind: 'whole', payload: Buffer.concat(draft.blocks) };
    }
    draft.from = from;
    draft.bytes += payload.length;
    draft.at = this.#clock.monotonic();
    this.#bytes += payload.length;
    this.#drafts.delete(resource);
    this.#drafts.set(resource, draft);
    this.#forgetOld();
    return this.#continue(block1);
  }

  get size(): number {
    return this.#drafts.size;
  }

  #continue(block: NonNullable<CoapRequest['block1']>): Upload {
    return refuse({ code: CODES.continue, options: [blockOption(OPTIONS.block1, block)] });
  }

  #tooLarge(): Answer {
    return { code: CODES.tooLarge, options: [uintOption(OPTIONS.size1, this.#limits.maxBytes)] };
  }

  #add(resource: string): void {
    this.#drafts.set(resource, { blocks: [], bytes: 0, from: 0, at: this.#clock.monotonic() });
    this.#bytes += DRAFT_BYTES;
  }

  #forget(resource: string): void {
    const draft = this.#drafts.get(resource);
    if (!draft) return;
    this.#drafts.delete(resource);
    this.#bytes -= DRAFT_BYTES + draft.bytes;
  }

  #forgetOld(): void {
    const before = this.#clock.monotonic() - LIFETIME_MS;
    for (const [resource, draft] of this.#drafts) {
      if (draft.at > before && this.#bytes <= this.#limits.maxTotalBytes) return;
      this.#forget(resource);
    }
  }
}

const refuse = (answer: Answer): Upload => ({ kind: 'answer', answer });
