import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Log } from '../../observe/index.ts';

/**
 * What a request leaves in the log: its route's pattern, never its URL, since device paths carry access tokens and queries
 * carry supply points. Answers are debug, refusals info: the peer's fault. Our own faults are logged where they are caught.
 */
export function logRequest(log: Log, request: FastifyRequest, reply: FastifyReply): void {
  const level = reply.statusCode < 400 ? 'debug' : 'info';
  if (!log.enabled(level)) return;
  log[level](
    {
      event: 'http.request',
      method: request.method,
      route: request.routeOptions.url ?? 'none',
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime),
      address: request.ip,
    },
    'http request',
  );
}
