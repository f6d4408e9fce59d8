import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Device, OtaDownload, OtaDownloads } from '../../device-api/index.ts';
import type { OtaKind } from '../../model/ota.ts';

const BLOCK_BYTES = 65_536;
/** A device that takes nothing for so long is cut, ms. */
const STALL_MS = 60_000;

/**
 * A package or a chunk of it (thingsboard-device-api 6.1): `title` and `version` must be those of the package; without
 * `size` the whole binary, as fast as the device reads; past the end an empty body.
 */
export async function answerOta(
  kind: OtaKind,
  device: Device,
  downloads: OtaDownloads,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const query = request.query as Readonly<Record<string, string | undefined>>;
  const { title, version, size = '0', chunk = '0' } = query;
  if (title === undefined || version === undefined) return badRequest(reply, 'title and version are required');
  if (!isCount(size) || !isCount(chunk)) return badRequest(reply, 'size and chunk must be whole numbers');
  const found = await downloads.find(device, kind);
  if (found.kind === 'not-found' || found.kind === 'no-content') return reply.code(404).send();
  if (found.kind !== 'download') return reply.code(500).type('text/plain; charset=utf-8').send('not available now');
  const { download } = found;
  if (download.title !== title || download.version !== version) {
    return badRequest(reply, 'title or version are not those of the package');
  }
  const from = Math.min(Number(chunk) * Number(size), download.size);
  const to = Number(size) === 0 ? download.size : Math.min(from + Number(size), download.size);
  return answerDownload(reply, download, from, to);
}

/** The bytes from `from` to before `to`, as fast as the device reads. */
export function answerDownload(reply: FastifyReply, download: OtaDownload, from: number, to: number): FastifyReply {
  const name = download.fileName.replaceAll(/[^\w.+-]/g, '_');
  reply.raw.setTimeout(STALL_MS, () => reply.raw.destroy());
  return reply
    .header('content-disposition', `attachment;filename=${name}`)
    .header('x-filename', name)
    .header('content-length', to - from)
    .type('application/octet-stream')
    .send(Readable.from(blocksOf(download, from, to), { objectMode: false, highWaterMark: BLOCK_BYTES }));
}

const isCount = (text: string | undefined): boolean => typeof text === 'string' && /^\d{1,10}$/.test(text);

const badRequest = (reply: FastifyReply, text: string): FastifyReply =>
  reply.code(400).type('text/plain; charset=utf-8').send(text);

async function* blocksOf(download: OtaDownload, from: number, to: number): AsyncGenerator<Buffer> {
  for (let at = from; at < to; at += BLOCK_BYTES) yield download.read(at, Math.min(BLOCK_BYTES, to - at));
}
