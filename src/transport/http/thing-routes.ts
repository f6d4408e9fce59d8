import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { DeviceApi, HttpLogin, LoginResult } from '../../device-api/index.ts';
import { formatReply } from '../../dialects/wire/envelope.ts';
import { ExactNumber, isJsonObject, parseJson, stringifyJson } from '../../model/json.ts';
import { isSecure } from '../proxy/expect-header.ts';
import { registerThingFileRoutes } from './thing-file-routes.ts';
import { HttpThings } from './thing-sessions.ts';

export interface ThingRouteParts {
  readonly deviceApi: DeviceApi;
  readonly about: (summary: string) => object;
  readonly payloadOf: (request: FastifyRequest) => Buffer;
  readonly hangUp: (request: FastifyRequest, reply: FastifyReply) => FastifyReply;
}

interface AuthRoute {
  readonly Params: { readonly productKey: string; readonly deviceKey: string };
}

const MIN_LIFETIME_MS = 1_000;
const MAX_LIFETIME_MS = 86_400_000;
const MAX_TEXT = 256;
const NOT_LOGGED_IN = 1009;

/** The HTTP device API of EnOS (registration-protocols 1.4): a login, then topics as over MQTT; `code` says what became of it. */
export function registerThingRoutes(
  scope: FastifyInstance,
  { deviceApi, about, payloadOf, hangUp }: ThingRouteParts,
): void {
  const sessions = new HttpThings(deviceApi);
  scope.addHook('onClose', async () => sessions.close());
  const answer = (reply: FastifyReply, status: number, text: string): FastifyReply =>
    reply.code(status).header('cache-control', 'no-store').type('application/json').send(text);
  const refuse = (reply: FastifyReply, status: number, code: number, message: string): FastifyReply =>
    answer(reply, status, formatReply('', code, undefined, message));

  const openSession = (reply: FastifyReply, login: LoginResult, lifetimeMs: number): FastifyReply => {
    if (login.kind !== 'device' || !login.thing) {
      if (login.kind === 'refused' && login.reason === 'unavailable')
        return refuse(reply, 500, 500, 'not available now');
      const limited = login.kind === 'refused' && login.reason === 'rate-limited';
      return limited ? refuse(reply, 429, 429, 'too many logins') : refuse(reply, 401, 401, 'authentication failed');
    }
    const session = sessions.open({ ...login, thing: login.thing }, lifetimeMs);
    if (!session) return refuse(reply, 500, 500, 'not available now');
    return answer(reply, 200, stringifyJson({ code: 200, data: { sessionId: session.id } }));
  };

  scope.post<AuthRoute>(
    '/auth/:productKey/:deviceKey',
    about('Opens a session of a device that signs (EnOS).'),
    async (request, reply) => {
      const read = readLogin(payloadOf(request), request.params);
      if (!read) return refuse(reply, 400, 400, 'signMethod, lifetime and sign are required');
      const peer = { address: request.ip, secure: isSecure(request.raw.socket) };
      const login = await deviceApi.loginOverHttp(read, peer);
      if (login.kind === 'refused' && login.reason === 'hang-up') return hangUp(request, reply);
      const lifetimeMs = Math.min(Math.max(Number(read.lifetime), MIN_LIFETIME_MS), MAX_LIFETIME_MS);
      return openSession(reply, login, lifetimeMs);
    },
  );

  scope.post('/topic/*', about('Publishes on a topic of EnOS; the answer is the reply.'), async (request, reply) => {
    const { '*': topic = '' } = request.params as { readonly '*'?: string };
    const { sessionId } = request.query as { readonly sessionId?: unknown };
    const session = typeof sessionId === 'string' ? sessions.get(sessionId) : undefined;
    if (!session) return refuse(reply, 401, NOT_LOGGED_IN, 'there is no such session');
    const { verdict, reply: text, command } = await session.publish(`/${topic}`, payloadOf(request));
    if (command) reply.header('topic', command.topic).header('command-payload', command.payload);
    if (verdict === 'close') return refuse(reply, 500, 500, 'not available now');
    if (verdict === 'unknown-topic') return refuse(reply, 404, NOT_LOGGED_IN, 'the topic is none of this device');
    return answer(reply, 200, text ?? formatReply('', 200, {}));
  });

  registerThingFileRoutes(scope, { deviceApi, about, sessions });
}

/** Undefined: what is signed is missing. */
function readLogin(payload: Buffer, names: AuthRoute['Params']): HttpLogin | undefined {
  const parsed = parseJson(payload, { maxDepth: 8, maxKeys: 64 });
  if (!parsed.ok || !isJsonObject(parsed.value)) return undefined;
  const body = parsed.value;
  const text = (member: string): string | undefined => {
    const value = Object.hasOwn(body, member) ? body[member] : undefined;
    const read = typeof value === 'number' || value instanceof ExactNumber ? String(value) : value;
    return typeof read === 'string' && read !== '' && read.length <= MAX_TEXT ? read : undefined;
  };
  const [signMethod, lifetime, sign] = [text('signMethod'), text('lifetime'), text('sign')];
  if (signMethod === undefined || sign === undefined || !/^\d{1,12}$/.test(lifetime ?? '')) return undefined;
  return { ...names, signMethod, sign, lifetime: lifetime ?? '' };
}
