import type { FastifyInstance } from 'fastify';
import type { AdminDeps } from './deps.ts';

/** What monitors and load balancers ask, without a key: `/healthz`, `/readyz`, `/metrics`. No secret is in any of them. */
export function registerProbes(
  scope: FastifyInstance,
  { health, metrics }: Pick<AdminDeps, 'health' | 'metrics'>,
): void {
  const probe = (summary: string) => ({ exposeHeadRoute: true, schema: { tags: ['probes'], summary, security: [] } });
  scope.get('/healthz', probe('The process answers.'), async (_request, reply) =>
    reply.header('cache-control', 'no-store').send(health.healthz()),
  );
  scope.get('/readyz', probe('200 when every check holds, 503 and why otherwise.'), async (_request, reply) => {
    const body = await health.readyz();
    return reply
      .code(body.ready ? 200 : 503)
      .header('cache-control', 'no-store')
      .send(body);
  });
  scope.get('/metrics', probe('Metrics in the Prometheus text format.'), async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.collectText()),
  );
}
