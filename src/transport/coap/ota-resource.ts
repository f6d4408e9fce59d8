import { createHash } from 'node:crypto';
import type { Device, OtaDownload, OtaDownloads } from '../../device-api/index.ts';
import type { OtaKind } from '../../model/ota.ts';
import { type Answer, type Body, FORMATS, plain } from './answer.ts';
import { CODES } from './codec.ts';
import { type CoapRequest, parameter } from './request.ts';

/** As over MQTT. */
const MAX_CHUNK_BYTES = 65_536;

/**
 * A package or a chunk of it (thingsboard-device-api 6.2). Without `size` it is the whole binary, block by block; all blocks of
 * one download are of the package as it was at the first.
 */
export async function answerPackage(
  kind: OtaKind,
  device: Device,
  downloads: OtaDownloads,
  request: CoapRequest,
): Promise<Answer> {
  const size = count(parameter(request, 'size'));
  const chunk = count(parameter(request, 'chunk'));
  if (size === undefined || chunk === undefined || size > MAX_CHUNK_BYTES) {
    return plain(CODES.badRequest, `size and chunk must be whole numbers, size at most ${MAX_CHUNK_BYTES}`);
  }
  const found = await downloads.find(device, kind);
  if (found.kind === 'not-found' || found.kind === 'no-content') return plain(CODES.notFound);
  if (found.kind !== 'download') return plain(CODES.internalError);
  const { download } = found;
  const title = parameter(request, 'title') ?? download.title;
  const version = parameter(request, 'version') ?? download.version;
  if (title !== download.title || version !== download.version) {
    return plain(CODES.badRequest, 'title or version are not those of the package');
  }
  const from = Math.min(chunk * size, download.size);
  const to = size === 0 ? download.size : Math.min(from + size, download.size);
  return { code: CODES.content, body: partOf(download, from, to) };
}

const count = (text = '0'): number | undefined => (/^\d{1,10}$/.test(text) ? Number(text) : undefined);

function partOf(download: OtaDownload, from: number, to: number): Body {
  return {
    size: to - from,
    format: FORMATS.bytes,
    held: 0,
    read: (offset, length) => download.read(from + offset, Math.min(length, to - from - offset)),
    tag: () =>
      createHash('sha256').update(`${download.title}\n${download.version}\n${from}-${to}`).digest().subarray(0, 4),
  };
}
