import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Device, DeviceApi, ServiceApi, Uplink, UplinkResult } from '../../device-api/index.ts';
import { OTA_KINDS } from '../../model/ota.ts';
import type { Log } from '../../observe/index.ts';
import { isSecure } from '../proxy/expect-header.ts';
import { registerBootstrapRoutes } from './bootstrap-routes.ts';
import { registerConfigLinkRoutes } from './config-link-routes.ts';
import { answerPoll, longPoll } from './long-poll.ts';
import { registerOtaLinkRoutes } from './ota-link-routes.ts';
import { answerOta } from './ota-routes.ts';
import { toProblem } from './problem.ts';
import { registerRegistrationRoutes } from './registration-routes.ts';
import { registerRpcRoutes } from './rpc-routes.ts';
import { registerServiceRoutes } from './service-routes.ts';
import { registerThingRoutes } from './thing-routes.ts';

export interface DeviceRouteParts {
  readonly deviceApi: DeviceApi;
  readonly serviceApi?: ServiceApi;
  readonly log: Log;
  readonly maxPayloadBytes: number;
}

/** Stands in the path for the token of the header `X-Access-Token`, so that no proxy's log keeps it. */
const TOKEN_IN_HEADER = 'me';

interface TokenRoute {
  readonly Params: { readonly token: string };
}

const EMPTY = Buffer.alloc(0);
const UNAVAILABLE = 'not available now';

/** For the OpenAPI page; nothing is checked by these: the device API reads payloads itself. */
const about = (summary: string) => ({ schema: { tags: ['device API'], summary, security: [] } });

/**
 * ThingsBoard's HTTP device API (thingsboard-device-api 6.1, 2.8). Its clients know 500 as the one status of everything that
 * was not taken: unreadable payloads, rate limits and a store that fails alike; so there is no 503 here.
 */
export function registerDeviceRoutes(
  scope: FastifyInstance,
  { deviceApi, serviceApi, log, maxPayloadBytes }: DeviceRouteParts,
): void {
  // Payloads are read by our own parser, which keeps exact numbers, whatever Content-Type a small device names.
  scope.addHook('onRequest', async (request) => {
    if (request.raw.headers['content-type'] !== undefined) {
      request.raw.headers['content-type'] = 'application/octet-stream';
    }
  });
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: maxPayloadBytes }, (_request, body, done) => {
    done(null, body);
  });
  scope.setErrorHandler((thing, request, reply) => {
    const { problem, ours, error } = toProblem(thing);
    const route = request.routeOptions.url;
    if (ours) log.error({ event: 'http.failed', route, err: error }, 'device request failed');
    // What went wrong here is no business of a device.
    return ours ? answerText(reply, 500, UNAVAILABLE) : answerText(reply, problem.status, problem.detail);
  });

  const loggedIn = async (
    request: FastifyRequest<TokenRoute>,
    reply: FastifyReply,
    use: (uplink: Uplink, device: Device) => Promise<FastifyReply>,
  ): Promise<FastifyReply> => {
    const login = await deviceApi.loginByToken(tokenOf(request), request.ip, isSecure(request.raw.socket));
    if (login.kind === 'device') return use(deviceApi.uplink(login.device), login.device);
    if (login.kind === 'refused' && login.reason === 'hang-up') return hangUp(request, reply);
    if (login.kind === 'refused' && login.reason === 'unavailable') return answerText(reply, 500, UNAVAILABLE);
    return reply.code(401).send();
  };

  scope.post('/api/v1/provision', about('Gives a new device its credentials.'), async (request, reply) => {
    const result = await deviceApi.provision(payloadOf(request), request.ip);
    switch (result.kind) {
      case 'answer': // 200 for SUCCESS, NOT_FOUND and FAILURE alike
        return reply.header('cache-control', 'no-store').type('application/json').send(result.text);
      case 'not-json':
      case 'wrong-form':
        return answerText(reply, 500, result.problem);
      case 'unavailable':
        return answerText(reply, 500, UNAVAILABLE);
      case 'hang-up':
        return hangUp(request, reply);
    }
  });

  scope.get('/api/v1/provision/challenge', about('What a device without a clock signs.'), (_request, reply) =>
    reply.header('cache-control', 'no-store').type('application/json').send(deviceApi.challenge()),
  );

  scope.post<TokenRoute>(
    '/api/v1/:token/telemetry',
    about('Takes telemetry; 200 once it is stored.'),
    (request, reply) =>
      loggedIn(request, reply, async (uplink) => {
        const result = await new Promise<UplinkResult>((done) => uplink.telemetry(payloadOf(request), done));
        return answerUplink(reply, result);
      }),
  );

  scope.post<TokenRoute>('/api/v1/:token/attributes', about('Takes client attributes.'), (request, reply) =>
    loggedIn(request, reply, async (uplink) => {
      const result = await new Promise<UplinkResult>((done) => uplink.attributes(payloadOf(request), done));
      return answerUplink(reply, result);
    }),
  );

  scope.get<TokenRoute>('/api/v1/:token/attributes', about('Client and shared attributes.'), (request, reply) =>
    loggedIn(request, reply, async (uplink) => {
      const query = request.query as Readonly<Record<string, string | readonly string[] | undefined>>;
      const clientKeys = joined(query.clientKeys);
      const sharedKeys = joined(query.sharedKeys);
      // The same request as over MQTT, so that the same limits count it.
      const asked = Buffer.from(JSON.stringify({ clientKeys, sharedKeys }));
      const result = await uplink.requestAttributes(asked);
      if (result.kind !== 'answer') return answerUplink(reply, result);
      return reply.type('application/json').send(result.text);
    }),
  );

  scope.get<TokenRoute>(
    '/api/v1/:token/attributes/updates',
    about('Waits for shared attributes to change; 408 when none did within `timeout` (ms).'),
    (request, reply) =>
      loggedIn(request, reply, async (_uplink, device) => {
        const result = await longPoll(deviceApi, device, 'shared-attributes', request);
        return answerPoll(reply, result);
      }),
  );

  scope.post<TokenRoute>('/api/v1/:token/claim', about('Offers the device to be claimed.'), (request, reply) =>
    loggedIn(request, reply, async (uplink) => answerUplink(reply, await uplink.claim(payloadOf(request)))),
  );

  scope.post<TokenRoute>(
    '/api/v1/:token/certificate',
    about('Signs a certificate for the CSR of the device, which logs in by it from then on.'),
    (request, reply) =>
      loggedIn(request, reply, async (_uplink, device) => {
        const result = await deviceApi.certificates.request(device, payloadOf(request));
        if (result.kind !== 'answer') return answerUplink(reply, result);
        return reply.header('cache-control', 'no-store').type('application/json').send(result.text);
      }),
  );

  registerThingRoutes(scope, { deviceApi, about, payloadOf, hangUp });
  registerConfigLinkRoutes(scope, { deviceApi, about });
  registerOtaLinkRoutes(scope, { downloads: deviceApi.ota, about });
  registerRegistrationRoutes(scope, { deviceApi, about, payloadOf, hangUp });
  registerBootstrapRoutes(scope, { deviceApi, about, payloadOf, hangUp });
  if (serviceApi) registerServiceRoutes(scope, { serviceApi, about, payloadOf, hangUp });
  registerRpcRoutes(scope, {
    deviceApi,
    about,
    payloadOf,
    answerUplink,
    loggedIn: (request, reply, use) => loggedIn(request, reply, (_uplink, device) => use(device)),
  });

  for (const kind of OTA_KINDS) {
    scope.get<TokenRoute>(
      `/api/v1/:token/${kind}`,
      about(`The ${kind} of the device, whole or a chunk.`),
      (request, reply) =>
        loggedIn(request, reply, (_uplink, device) => answerOta(kind, device, deviceApi.ota, request, reply)),
    );
  }
}

function tokenOf({ params, headers }: FastifyRequest<TokenRoute>): string {
  const given = headers['x-access-token'];
  return params.token === TOKEN_IN_HEADER && typeof given === 'string' ? given : params.token;
}

const payloadOf = (request: FastifyRequest): Buffer => (Buffer.isBuffer(request.body) ? request.body : EMPTY);

/** Repeated parameters are joined; an empty one counts as not given. */
function joined(value: string | readonly string[] | undefined): string | undefined {
  const text = typeof value === 'string' ? value : value?.join(',');
  return text === '' ? undefined : text;
}

/** 200 only after the commit: every outcome of the message is durable then. */
function answerUplink(reply: FastifyReply, result: UplinkResult): FastifyReply {
  switch (result.kind) {
    case 'stored':
      return reply.code(200).send();
    case 'invalid':
      return answerText(reply, 500, result.problem);
    case 'rate-limited':
      return answerText(reply, 500, 'rate limit reached');
    case 'failed':
      return answerText(reply, 500, UNAVAILABLE);
  }
}

const answerText = (reply: FastifyReply, status: number, text: string): FastifyReply =>
  reply.code(status).type('text/plain; charset=utf-8').send(text);

/** No answer at all, for a peer that keeps guessing. */
function hangUp(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  reply.hijack();
  request.raw.socket.destroy();
  return reply;
}
