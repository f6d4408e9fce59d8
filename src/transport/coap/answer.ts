import { createHash } from 'node:crypto';
import { type CoapOption, OPTIONS, uintOption } from './codec.ts';

/** Content formats of RFC 7252 12.3. */
export const FORMATS = { text: 0, bytes: 42, json: 50 } as const;

/** What is sent in one message or in blocks; read again for each block. */
export interface Body {
  readonly size: number;
  readonly format: number;
  /** Bytes of memory that it holds while its blocks are fetched. */
  readonly held: number;
  read(offset: number, length: number): Buffer | Promise<Buffer>;
  /** Tells one body of a resource from the next. */
  tag(): Buffer;
}

export interface Answer {
  readonly code: number;
  readonly body?: Body;
  /** Further options. */
  readonly options?: readonly CoapOption[];
  /** Called once it has been written. */
  readonly written?: () => void;
}

export function bytesBody(bytes: Buffer, format: number): Body {
  return {
    size: bytes.length,
    format,
    held: bytes.length,
    read: (offset, length) => bytes.subarray(offset, offset + length),
    tag: () => createHash('sha256').update(bytes).digest().subarray(0, 4),
  };
}

export const jsonBody = (text: string): Body => bytesBody(Buffer.from(text), FORMATS.json);

/** Longest text of an error, bytes: it must fit the smallest devices' buffers. */
const MAX_DIAGNOSTIC = 128;

/** An answer without body, or an error with a text for people (RFC 7252 5.5.2). */
export function plain(code: number, diagnostic?: string): Answer {
  if (diagnostic === undefined) return { code };
  return { code, body: bytesBody(Buffer.from(diagnostic.slice(0, MAX_DIAGNOSTIC)), FORMATS.text) };
}

export const observeOption = (sequence: number): CoapOption => uintOption(OPTIONS.observe, sequence);
