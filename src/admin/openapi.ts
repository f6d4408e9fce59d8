import swagger from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';

/** Collects the schemas of all routes that are registered after this call, for `/openapi.json`. */
export async function registerOpenApi(server: FastifyInstance, version: string): Promise<void> {
  await server.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'gridmoor management API',
        description: "ThingsBoard's paths and shapes where ThingsBoard has the thing, own ones under /api/gridmoor/.",
        version,
      },
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', description: 'An API key.' },
          apiKey: { type: 'apiKey', in: 'header', name: 'X-Authorization', description: '`ApiKey <key>`.' },
        },
      },
      security: [{ bearer: [] }, { apiKey: [] }],
    },
  });
  server.get('/openapi.json', { schema: { hide: true } }, async (_request, reply) =>
    reply.type('application/json').send(JSON.stringify(server.swagger())),
  );
}
