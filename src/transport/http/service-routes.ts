import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ApiRequest, ServiceApi, ServiceReply } from '../../device-api/index.ts';
import { isSecure } from '../proxy/expect-header.ts';

export interface ServiceRouteParts {
  readonly serviceApi: ServiceApi;
  readonly about: (summary: string) => object;
  readonly payloadOf: (request: FastifyRequest) => Buffer;
  readonly hangUp: (request: FastifyRequest, reply: FastifyReply) => FastifyReply;
}

/** EnOS' paths; versions of its API differ in nothing that is done here. */
const VERSIONS = ['v2.0', 'v2.1', 'v2.4'];
const THINGS = { devices: 'enosDevices', certificates: 'enosCertificates' } as const;
const SUMMARIES = {
  devices:
    'Devices, for service accounts (EnOS): create, batchCreate, get, search, update, replace, delete, disable, enable.',
  certificates: 'Certificates of devices, for service accounts (EnOS): apply, renew, revoke, list.',
} as const satisfies Record<keyof typeof THINGS, string>;

/** REST APIs of other vendors, that register devices (registration-protocols 1.3, 1.6). */
export function registerServiceRoutes(
  scope: FastifyInstance,
  { serviceApi, about, payloadOf, hangUp }: ServiceRouteParts,
): void {
  const send = (request: FastifyRequest, reply: FastifyReply, result: ServiceReply): FastifyReply => {
    if (result.kind === 'hang-up') return hangUp(request, reply);
    reply.header('cache-control', 'no-store').type('application/json');
    if (result.kind === 'answer') return reply.code(result.status).send(result.text);
    return reply.code(500).send('{"code":1005,"status":1005,"msg":"not available now"}');
  };
  const textOf = (request: FastifyRequest): string => payloadOf(request).toString('utf8');

  scope.post(
    '/apim-token-service/v2.0/token/get',
    about('Gives a service account its token (EnOS).'),
    async (request, reply) => send(request, reply, await serviceApi.enosToken(textOf(request), request.ip)),
  );

  scope.post<{ readonly Params: { readonly productKey: string } }>(
    '/fc/:productKey/register',
    about('Gives a device its triple for its deviceId, as a function of Alibaba Cloud does.'),
    async (request, reply) => {
      const peer = { address: request.ip, secure: isSecure(request.raw.socket) };
      const result = await serviceApi.functionRegister(request.params.productKey, textOf(request), peer);
      return send(request, reply, result);
    },
  );

  for (const thing of ['devices', 'certificates'] as const) {
    for (const version of VERSIONS) {
      scope.route({
        method: ['GET', 'POST'],
        url: `/connect-service/${version}/${thing}`,
        ...about(SUMMARIES[thing]),
        handler: async (request, reply) => {
          const result = await serviceApi[THINGS[thing]](callOf(request, textOf(request)));
          return send(request, reply, result);
        },
      });
    }
  }
}

function callOf({ url, headers, ip, raw }: FastifyRequest, body: string): ApiRequest {
  const header = (name: string): string => {
    const value = headers[name];
    return typeof value === 'string' ? value : '';
  };
  const at = url.indexOf('?');
  return {
    query: at < 0 ? [] : [...new URLSearchParams(url.slice(at))],
    body,
    accessToken: header('apim-accesstoken'),
    signature: header('apim-signature'),
    timestamp: header('apim-timestamp'),
    address: ip,
    secure: isSecure(raw.socket),
  };
}
