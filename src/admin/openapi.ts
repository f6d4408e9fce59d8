import type { FastifyInstance } from 'fastify';

/** `/openapi.json`: what the server collected from the schemas of all routes. */
export function registerOpenApi(scope: FastifyInstance, version: string): void {
  let text: string | undefined;
  scope.get('/openapi.json', { schema: { hide: true } }, async (_request, reply) => {
    if (text === undefined) {
      const page = scope.swagger();
      text = JSON.stringify({ ...page, info: { ...page.info, version } });
    }
    return reply.type('application/json').send(text);
  });
}
