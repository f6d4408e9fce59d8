import { BrokerError } from '../errors.ts';

/** One event of a multipart body: a part begins, or more of its content has come. */
export type MultipartEvent =
  | { readonly kind: 'part'; readonly name: string; readonly fileName?: string; readonly contentType?: string }
  | { readonly kind: 'bytes'; readonly bytes: Buffer };

const MAX_HEAD_BYTES = 8_192;
const MAX_BOUNDARY = 70; // RFC 2046 5.1.1

/** The boundary of a `multipart/form-data` Content-Type; undefined for every other. */
export function boundaryOf(contentType: string | undefined): string | undefined {
  if (contentType === undefined || !/^multipart\/form-data\b/i.test(contentType)) return undefined;
  const found = /;\s*boundary=(?:"([^"]+)"|([^\s;]+))/i.exec(contentType);
  const boundary = found?.[1] ?? found?.[2];
  return boundary === undefined || boundary.length > MAX_BOUNDARY ? undefined : boundary;
}

/** Reads a form-data body (RFC 7578) as it comes, holding no more than one piece of it. Throws BAD_REQUEST. */
export async function* readMultipart(source: AsyncIterable<Buffer>, boundary: string): AsyncGenerator<MultipartEvent> {
  const delimiter = Buffer.from(`\r\n--${boundary}`);
  // The first delimiter has no line break before it.
  let held: Buffer = Buffer.from('\r\n');
  let state: 'preamble' | 'body' | 'delimited' | 'head' = 'preamble';
  for await (const piece of source) {
    held = Buffer.concat([held, piece]);
    for (let waiting = false; !waiting; ) {
      if (state === 'delimited') {
        if (held.length < 2) waiting = true;
        else if (held[0] === 0x2d && held[1] === 0x2d) return;
        else state = 'head';
      } else if (state === 'head') {
        const end = held.indexOf('\r\n\r\n');
        if (end >= 0) {
          yield partOf(held.toString('utf8', 0, end));
          held = held.subarray(end + 4);
          state = 'body';
        } else if (held.length > MAX_HEAD_BYTES) throw malformed('a part has too many headers');
        else waiting = true;
      } else {
        const end = held.indexOf(delimiter);
        const ready = end >= 0 ? end : Math.max(0, held.length - delimiter.length + 1);
        if (ready > 0 && state === 'body') yield { kind: 'bytes', bytes: held.subarray(0, ready) };
        held = held.subarray(end >= 0 ? end + delimiter.length : ready);
        if (end >= 0) state = 'delimited';
        else waiting = true;
      }
    }
  }
  throw malformed('the body ends before its last boundary');
}

function partOf(head: string): MultipartEvent {
  const disposition = /^content-disposition:\s*form-data\b(.*)$/im.exec(head)?.[1];
  const name = disposition && /;\s*name="([^"]*)"/i.exec(disposition)?.[1];
  if (name === undefined) throw malformed('a part has no name');
  const fileName = /;\s*filename="([^"]*)"/i.exec(disposition ?? '')?.[1];
  const contentType = /^content-type:\s*([^\r\n;]+)/im.exec(head)?.[1]?.trim();
  return {
    kind: 'part',
    name,
    ...(fileName === undefined ? {} : { fileName }),
    ...(contentType === undefined ? {} : { contentType }),
  };
}

const malformed = (detail: string): BrokerError =>
  new BrokerError('BAD_REQUEST', { detail: `the form is not readable: ${detail}` });
