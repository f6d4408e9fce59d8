import { type Block, readBlock } from './block.ts';
import { CODES, type CoapMessage, OPTIONS, readUint } from './codec.ts';

/** Where a datagram came from. */
export interface Peer {
  readonly address: string;
  readonly port: number;
  /** Both as one text. */
  readonly key: string;
}

/** A request with its options read. */
export interface CoapRequest {
  readonly peer: Peer;
  readonly code: number;
  readonly token: Buffer;
  readonly path: readonly string[];
  /** As they were given, in their order. */
  readonly query: readonly string[];
  /** 0 registers, 1 deregisters (RFC 7641 2). */
  readonly observe: number | undefined;
  readonly block1: Block | undefined;
  readonly block2: Block | undefined;
  readonly payload: Buffer;
  /** Method, path and query of this peer: what blocks of one body have in common. */
  readonly resource: string;
}

/** What the request is refused with: a code of RFC 7252. */
export type ReadRequest =
  | { readonly ok: true; readonly request: CoapRequest }
  | { readonly ok: false; readonly code: number };

/** Longest value of each option that is understood, bytes; `many`: it may stand more than once. */
const KNOWN: Readonly<Record<number, { readonly longest: number; readonly many?: true }>> = {
  [OPTIONS.uriHost]: { longest: 255 },
  [OPTIONS.observe]: { longest: 3 },
  [OPTIONS.uriPort]: { longest: 2 },
  [OPTIONS.uriPath]: { longest: 255, many: true },
  [OPTIONS.contentFormat]: { longest: 2 },
  [OPTIONS.uriQuery]: { longest: 255, many: true },
  // Read and let be, as ThingsBoard does: a device's own stack may name what it likes.
  [OPTIONS.accept]: { longest: 2 },
  [OPTIONS.block2]: { longest: 3 },
  [OPTIONS.block1]: { longest: 3 },
};

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Reads the options (RFC 7252 5.4, 5.10): a critical one that is not understood refuses the request. */
export function readRequest(message: CoapMessage, peer: Peer): ReadRequest {
  const values = new Map<number, Buffer[]>();
  for (const { number, value } of message.options) {
    if (number === OPTIONS.proxyUri || number === OPTIONS.proxyScheme) return { ok: false, code: CODES.noProxy };
    const known = KNOWN[number];
    const former = values.get(number);
    const understood = known !== undefined && value.length <= known.longest && (!former || known.many === true);
    if (understood) values.set(number, [...(former ?? []), value]);
    else if (number % 2 === 1) return { ok: false, code: CODES.badOption };
  }
  const one = (number: number): Buffer | undefined => values.get(number)?.[0];
  const path = texts(values.get(OPTIONS.uriPath));
  const query = texts(values.get(OPTIONS.uriQuery));
  const block1 = blockOf(one(OPTIONS.block1));
  const block2 = blockOf(one(OPTIONS.block2));
  if (!path || !query || block1 === 'reserved' || block2 === 'reserved') return { ok: false, code: CODES.badRequest };
  const observe = one(OPTIONS.observe);
  const { code, token, payload } = message;
  return {
    ok: true,
    request: {
      peer,
      code,
      // The datagram's own memory is not held longer than its request.
      token: Buffer.from(token),
      path,
      query,
      observe: observe && readUint(observe),
      block1,
      block2,
      payload,
      resource: JSON.stringify([peer.key, code, path, query]),
    },
  };
}

function texts(values: readonly Buffer[] = []): readonly string[] | undefined {
  try {
    return values.map((value) => utf8.decode(value));
  } catch {
    return undefined;
  }
}

const blockOf = (value: Buffer | undefined): Block | undefined | 'reserved' =>
  value && (readBlock(value) ?? 'reserved');

/** A parameter of the query; repeated ones are joined with commas, an empty one counts as not given. */
export function parameter({ query }: Pick<CoapRequest, 'query'>, name: string): string | undefined {
  const given = query.flatMap((item) => (item.startsWith(`${name}=`) ? [item.slice(name.length + 1)] : []));
  return given.join(',') || undefined;
}
