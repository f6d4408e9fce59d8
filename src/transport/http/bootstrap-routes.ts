import type { FastifyInstance } from 'fastify';
import { isSecure } from '../proxy/expect-header.ts';
import type { RegistrationRouteParts } from './registration-routes.ts';

/** EnOS' device provisioning service (registration-protocols 1.4). */
export function registerBootstrapRoutes(
  scope: FastifyInstance,
  { deviceApi, about, payloadOf, hangUp }: RegistrationRouteParts,
): void {
  const summary = 'Tells a device of a group where to connect, and its secret.';
  scope.post('/dps/bootstrap', about(summary), async (request, reply) => {
    const peer = { address: request.ip, secure: isSecure(request.raw.socket) };
    const result = await deviceApi.bootstrap(payloadOf(request), peer);
    if (result.kind === 'hang-up') return hangUp(request, reply);
    const { code, text } =
      result.kind === 'answer' ? result : { code: 500, text: '{"code":99500,"msg":"not available now"}' };
    return reply.code(code).header('cache-control', 'no-store').type('application/json').send(text);
  });
}
