import { BrokerError } from '../errors.ts';
import { boundaryOf, type MultipartEvent, readMultipart } from '../model/multipart.ts';
import { CHECKSUM_ALGORITHMS, type ChecksumAlgorithm } from '../model/ota.ts';
import type { Upload } from '../ota/index.ts';

export interface UploadRequest {
  readonly contentType: string | undefined;
  readonly query: Readonly<Record<string, unknown>>;
  readonly body: AsyncIterable<Buffer>;
}

const MAX_FIELDS = 16;
const MAX_FIELD_BYTES = 4_096;
const MAX_FILE_NAME = 255;
const BINARY = 'application/octet-stream';

/**
 * An upload as ThingsBoard's clients send it, one file part in a form, or as a bare body. `checksumAlgorithm` (default SHA256)
 * and `checksum` are query parameters or fields of the form; the algorithm must come before the file. Throws BAD_REQUEST.
 */
export async function readUpload({ contentType, query, body }: UploadRequest): Promise<Upload> {
  const boundary = boundaryOf(contentType);
  if (boundary === undefined) {
    const about = { fileName: fileNameOf(query.fileName), contentType: BINARY };
    return {
      algorithm: algorithmOf(query.checksumAlgorithm),
      pieces: body,
      about: () => withChecksum(about, query.checksum),
    };
  }
  const events = readMultipart(body, boundary);
  const fields: Record<string, unknown> = { ...query };
  const file = await collect(events, fields);
  if (!file) throw new BrokerError('BAD_REQUEST', { detail: 'the form has no file' });
  const about = { fileName: fileNameOf(file.fileName), contentType: file.contentType ?? BINARY };
  return {
    algorithm: algorithmOf(fields.checksumAlgorithm),
    pieces: contentOf(events, fields),
    about: () => withChecksum(about, fields.checksum),
  };
}

/** Reads fields up to the file, whose head it gives, or to the end. */
async function collect(
  events: AsyncGenerator<MultipartEvent>,
  fields: Record<string, unknown>,
  first?: string,
): Promise<(MultipartEvent & { kind: 'part' }) | undefined> {
  let name = first;
  for (let next = await events.next(); !next.done; next = await events.next()) {
    const event = next.value;
    if (event.kind === 'part') {
      if (event.fileName !== undefined || event.name === 'file') return event;
      name = event.name;
      if (Object.keys(fields).length >= MAX_FIELDS) throw new BrokerError('BAD_REQUEST', { detail: 'too many fields' });
      if (!Object.hasOwn(fields, name)) fields[name] = '';
    } else if (name !== undefined) {
      const text = `${String(fields[name] ?? '')}${event.bytes.toString('utf8')}`;
      if (text.length > MAX_FIELD_BYTES) throw new BrokerError('BAD_REQUEST', { detail: 'a field is too long' });
      fields[name] = text;
    }
  }
  return undefined;
}

async function* contentOf(
  events: AsyncGenerator<MultipartEvent>,
  fields: Record<string, unknown>,
): AsyncGenerator<Buffer> {
  for (let next = await events.next(); !next.done; next = await events.next()) {
    if (next.value.kind === 'bytes') yield next.value.bytes;
    else {
      const { name } = next.value;
      fields[name] ??= '';
      if (await collect(events, fields, name)) throw new BrokerError('BAD_REQUEST', { detail: 'more than one file' });
    }
  }
}

function algorithmOf(given: unknown): ChecksumAlgorithm {
  const algorithm = given === undefined || given === '' ? 'SHA256' : given;
  const known = CHECKSUM_ALGORITHMS.find((one) => one === algorithm);
  if (known) return known;
  const detail = `"checksumAlgorithm" must be one of ${CHECKSUM_ALGORITHMS.join(', ')}`;
  throw new BrokerError('BAD_REQUEST', { field: 'checksumAlgorithm', detail });
}

const fileNameOf = (given: unknown): string =>
  typeof given === 'string' && given !== '' ? given.slice(0, MAX_FILE_NAME) : 'package.bin';

const withChecksum = (about: { readonly fileName: string; readonly contentType: string }, checksum: unknown) =>
  typeof checksum === 'string' && checksum !== '' ? { ...about, checksum } : about;
