import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { CallResult, Device, DeviceApi, UplinkResult } from '../../device-api/index.ts';
import { answerPoll, longPoll } from './long-poll.ts';

interface TokenRoute {
  readonly Params: { readonly token: string };
}
interface AnswerRoute {
  readonly Params: { readonly token: string; readonly id: string };
}

/** What these routes share with those of telemetry and attributes. */
export interface RpcRouteParts {
  readonly deviceApi: DeviceApi;
  readonly about: (summary: string) => object;
  readonly loggedIn: (
    request: FastifyRequest<TokenRoute>,
    reply: FastifyReply,
    use: (device: Device) => Promise<FastifyReply>,
  ) => Promise<FastifyReply>;
  readonly payloadOf: (request: FastifyRequest) => Buffer;
  readonly answerUplink: (reply: FastifyReply, result: UplinkResult) => FastifyReply;
}

const NO_METHOD: UplinkResult = { kind: 'invalid', problem: 'the call has no text "method"' };

/** Calls over HTTP (thingsboard-device-api 6.1): a poll takes one call and counts as its delivery. */
export function registerRpcRoutes(scope: FastifyInstance, parts: RpcRouteParts): void {
  const { deviceApi, about, loggedIn, payloadOf, answerUplink } = parts;

  scope.get<TokenRoute>(
    '/api/v1/:token/rpc',
    about('Waits for a call to the device; 408 when none came within `timeout` (ms).'),
    (request, reply) =>
      loggedIn(request, reply, async (device) => answerPoll(reply, await longPoll(deviceApi, device, 'rpc', request))),
  );

  scope.post<AnswerRoute>('/api/v1/:token/rpc/:id', about('Answers a call.'), (request, reply) =>
    loggedIn(request, reply, async (device) => {
      const { id } = request.params;
      if (!/^\d{1,10}$/.test(id)) return answerUplink(reply, { kind: 'invalid', problem: 'the id is no number' });
      const uplink = deviceApi.rpcUplink(device);
      const payload = payloadOf(request);
      const result = await new Promise<UplinkResult>((done) => uplink.respond(Number(id), payload, done));
      return answerUplink(reply, result);
    }),
  );

  scope.post<TokenRoute>('/api/v1/:token/rpc', about('Calls the server; the rule chain answers.'), (request, reply) =>
    loggedIn(request, reply, async (device) => {
      const result = await callServer(deviceApi, device, payloadOf(request));
      if (typeof result === 'string') return reply.type('application/json').send(result);
      return answerUplink(reply, result.kind === 'no-method' ? NO_METHOD : result);
    }),
  );
}

/** The answer's text, or why there is none. */
function callServer(deviceApi: DeviceApi, device: Device, payload: Buffer): Promise<string | CallResult> {
  return new Promise((resolve) => {
    deviceApi.rpcUplink(device).call(
      { id: '0', payload, paramsRequired: true },
      (result) => {
        if (result.kind !== 'stored') resolve(result);
      },
      resolve,
    );
  });
}
