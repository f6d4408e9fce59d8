import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { DeviceApi, RegistrationForm } from '../../device-api/index.ts';
import { formatCodeFirst } from '../../dialects/wire/envelope.ts';
import { isSecure } from '../proxy/expect-header.ts';

export interface RegistrationRouteParts {
  readonly deviceApi: DeviceApi;
  readonly about: (summary: string) => object;
  readonly payloadOf: (request: FastifyRequest) => Buffer;
  readonly hangUp: (request: FastifyRequest, reply: FastifyReply) => FastifyReply;
}

const FIELDS = ['productKey', 'deviceName', 'random', 'sign', 'signMethod'] as const;
/** More than the longest signature takes. */
const MAX_VALUE = 256;

/** Registration as clients of Alibaba Cloud do it (registration-protocols 1.7). The status is the `code` of the answer. */
export function registerRegistrationRoutes(
  scope: FastifyInstance,
  { deviceApi, about, payloadOf, hangUp }: RegistrationRouteParts,
): void {
  scope.post(
    '/auth/register/device',
    about("Gives a device its secret that signs with its product's."),
    async (request, reply) => {
      const form = readForm(payloadOf(request).toString('utf8'));
      if (typeof form === 'string') return answer(reply, 460, formatCodeFirst(460, undefined, form));
      const peer = { address: request.ip, secure: isSecure(request.raw.socket) };
      const result = await deviceApi.registerThing(form, peer);
      if (result.kind === 'hang-up') return hangUp(request, reply);
      if (result.kind === 'unavailable')
        return answer(reply, 500, formatCodeFirst(500, undefined, 'not available now'));
      return answer(reply, result.code, result.text);
    },
  );
}

/** The form, or what is wrong with it. */
function readForm(body: string): RegistrationForm | string {
  const given = new URLSearchParams(body);
  const values = FIELDS.map((field) => [field, given.getAll(field)] as const);
  for (const [field, all] of values) {
    if (all.length !== 1) return `${field} must be given once`;
    if ((all[0] ?? '').length > MAX_VALUE) return `${field} is longer than ${MAX_VALUE} characters`;
  }
  const text = (field: (typeof FIELDS)[number]): string => given.get(field) ?? '';
  return {
    productKey: text('productKey'),
    deviceName: text('deviceName'),
    random: text('random'),
    sign: text('sign'),
    signMethod: text('signMethod'),
  };
}

const answer = (reply: FastifyReply, code: number, text: string): FastifyReply =>
  reply.code(code).header('cache-control', 'no-store').type('application/json').send(text);
