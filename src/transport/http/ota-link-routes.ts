import type { FastifyInstance, FastifyReply } from 'fastify';
import type { OtaDownloads } from '../../device-api/index.ts';
import { answerDownload } from './ota-routes.ts';

export interface OtaLinkRouteParts {
  readonly downloads: OtaDownloads;
  readonly about: (summary: string) => object;
}

interface LinkRoute {
  readonly Params: { readonly link: string };
}

const RANGE = /^bytes=(\d{1,12})-(\d{0,12})$/;

/** Packages by a link that a device was told: whole, or one range of bytes. */
export function registerOtaLinkRoutes(scope: FastifyInstance, { downloads, about }: OtaLinkRouteParts): void {
  scope.get<LinkRoute>(
    '/ota/:link',
    about('A package, by the link that its device was told.'),
    async (request, reply) => {
      const found = await downloads.findByLink(request.params.link);
      if (found.kind === 'rate-limited') return reply.code(429).send();
      if (found.kind === 'failed') return unavailable(reply);
      if (found.kind !== 'download') return reply.code(404).send();
      const { download } = found;
      reply.header('accept-ranges', 'bytes').header('cache-control', 'no-store');
      const range = RANGE.exec(request.headers.range ?? '');
      if (!range) return answerDownload(reply, download, 0, download.size);
      const [from, to] = [Number(range[1]), range[2] === '' ? download.size : Number(range[2]) + 1];
      if (from >= download.size || to <= from) {
        return reply.code(416).header('content-range', `bytes */${download.size}`).send();
      }
      const end = Math.min(to, download.size);
      reply.code(206).header('content-range', `bytes ${from}-${end - 1}/${download.size}`);
      return answerDownload(reply, download, from, end);
    },
  );
}

const unavailable = (reply: FastifyReply): FastifyReply =>
  reply.code(500).type('text/plain; charset=utf-8').send('not available now');
