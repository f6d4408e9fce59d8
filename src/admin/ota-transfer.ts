import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { BrokerError } from '../errors.ts';
import { stringifyJson } from '../model/json.ts';
import { authorise } from './auth.ts';
import type { AdminDeps } from './deps.ts';
import { OTA_INFO, otaIdOf, toOtaInfo } from './ota.ts';
import { readUpload } from './ota-upload.ts';
import { REFUSALS } from './route.ts';

const tags = ['firmware and software'];
const BLOCK_BYTES = 65_536;
const URL = '/api/otaPackage/:id';

interface IdRoute {
  readonly Params: { readonly id: string };
}

/** Upload and download of the binaries, streamed both ways. Call with a scope of its own: bodies are not parsed there. */
export function registerOtaTransfer(scope: FastifyInstance, deps: AdminDeps): void {
  const { packages } = deps.ota;
  const callers = new WeakMap<FastifyRequest, string>();
  const name = { method: 'POST', url: '/api/otaPackage', tag: 'firmware and software' };
  const asRole = (role: 'administrator' | 'read-only') => async (request: FastifyRequest, reply: FastifyReply) => {
    const principal = await authorise(request.headers, request.ip, { role, supplier: undefined, name }, deps);
    if (principal === 'hang-up') {
      reply.hijack();
      request.raw.socket.destroy();
      return reply;
    }
    if (principal !== 'nobody') callers.set(request, principal.by);
    return undefined;
  };
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('*', (_request, payload, done) => done(null, payload));

  scope.post<IdRoute>(
    URL,
    {
      schema: {
        tags,
        summary: 'Stores the content of a package: a form with one file, or the bare bytes.',
        response: { 200: OTA_INFO, ...REFUSALS },
      },
      onRequest: asRole('administrator'),
      config: { slowBody: true },
    },
    async (request, reply) => {
      const id = otaIdOf(request.params.id);
      if (!(request.body instanceof Readable)) throw new BrokerError('BAD_REQUEST', { detail: 'there is no body' });
      // An early end must not destroy the connection that the answer needs.
      const body = request.body.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
      const query = request.query as Readonly<Record<string, unknown>>;
      const upload = await readUpload({ contentType: request.headers['content-type'], query, body });
      const stored = await packages.upload(id, upload, callers.get(request) ?? 'unknown');
      return reply
        .header('cache-control', 'no-store')
        .type('application/json')
        .send(stringifyJson(toOtaInfo(stored)));
    },
  );

  scope.get<IdRoute>(
    `${URL}/download`,
    {
      schema: {
        tags,
        summary: 'The content of a package.',
        response: { 200: { type: 'null', description: 'The bytes.' }, ...REFUSALS },
      },
      onRequest: asRole('read-only'),
    },
    async (request, reply) => {
      const id = otaIdOf(request.params.id);
      const content = (await packages.package(id))?.content;
      if (!content) throw new BrokerError('NOT_FOUND', { detail: 'there is no such content' });
      const name = content.fileName.replaceAll(/[^\w.+-]/g, '_');
      const blocks = async function* (): AsyncGenerator<Buffer> {
        for (let at = 0; at < content.size; at += BLOCK_BYTES) {
          const bytes = await packages.read(id, at, BLOCK_BYTES);
          if (!bytes) throw new BrokerError('NOT_FOUND');
          yield bytes;
        }
      };
      return reply
        .header('content-disposition', `attachment;filename=${name}`)
        .header('x-filename', name)
        .header('content-length', content.size)
        .type('application/octet-stream')
        .send(Readable.from(blocks(), { objectMode: false, highWaterMark: BLOCK_BYTES }));
    },
  );
}
