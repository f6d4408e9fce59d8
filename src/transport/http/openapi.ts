import swagger from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';

/** Collects the schemas of all routes that are registered after this call; the admin room serves the page. */
export function collectOpenApi(server: FastifyInstance): void {
  server.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'gridmoor',
        description:
          "The management API has ThingsBoard's paths and shapes where ThingsBoard has the thing, own ones under /api/gridmoor/; the device API is ThingsBoard's.",
        version: '0.0.0',
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
}
