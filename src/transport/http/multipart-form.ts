import type { FastifyRequest } from 'fastify';
import { boundaryOf, readMultipart } from '../../model/multipart.ts';

export interface FormPart {
  readonly name: string;
  readonly fileName: string | undefined;
  readonly bytes: Buffer;
}

/** The parts of a form that has come whole; undefined when it is none, or has more parts. Throws BAD_REQUEST. */
export async function readForm(
  request: FastifyRequest,
  body: Buffer,
  maxParts: number,
): Promise<readonly FormPart[] | undefined> {
  const boundary = boundaryOf(contentTypeOf(request));
  if (boundary === undefined) return undefined;
  const parts: { name: string; fileName: string | undefined; pieces: Buffer[] }[] = [];
  for await (const event of readMultipart(oneOf(body), boundary)) {
    if (event.kind === 'part') parts.push({ name: event.name, fileName: event.fileName, pieces: [] });
    else parts.at(-1)?.pieces.push(event.bytes);
    if (parts.length > maxParts) return undefined;
  }
  return parts.map(({ pieces, ...part }) => ({ ...part, bytes: Buffer.concat(pieces) }));
}

/** As it came: the routes of devices hide it from Fastify. */
function contentTypeOf(request: FastifyRequest): string | undefined {
  const { rawHeaders } = request.raw;
  const at = rawHeaders.findIndex((name, index) => index % 2 === 0 && name.toLowerCase() === 'content-type');
  return at < 0 ? undefined : rawHeaders[at + 1];
}

async function* oneOf(body: Buffer): AsyncGenerator<Buffer> {
  yield body;
}
