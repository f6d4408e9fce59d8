import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { authorise } from './auth.ts';
import type { AdminDeps } from './deps.ts';
import { REFUSALS } from './route.ts';

/** The whole store as one stream of bytes. It holds no secret in clear, but all there is to know: administrators only. */
export function registerBackup(scope: FastifyInstance, deps: AdminDeps): void {
  scope.post(
    '/api/gridmoor/backup',
    {
      schema: {
        tags: ['operations'],
        summary: 'A consistent copy of the embedded store, for `gridmoor restore`.',
        response: { 200: { type: 'null', description: 'The bytes.' }, ...REFUSALS },
      },
    },
    async (request, reply) => {
      const role = { role: 'administrator', supplier: undefined, name: undefined } as const;
      const principal = await authorise(request.headers, request.ip, role, deps);
      if (principal === 'hang-up') {
        reply.hijack();
        request.raw.socket.destroy();
        return reply;
      }
      const by = principal === 'nobody' ? 'nobody' : principal.by;
      await deps.storage.audit.append({
        at: deps.clock.now(),
        action: 'store.backup',
        by,
        subject: 'store',
        outcome: 'asked',
      });
      const copy = await deps.backup();
      const stream = Readable.from(copy.pieces(), { objectMode: false });
      stream.once('close', () => copy.dispose());
      return reply.header('cache-control', 'no-store').type('application/octet-stream').send(stream);
    },
  );
}
