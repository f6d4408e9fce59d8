import { describeRpc } from '../device-api/index.ts';
import { BrokerError, type ErrorCode } from '../errors.ts';
import type { Device } from '../model/device.ts';
import { type JsonObject, parseJson, stringifyJson } from '../model/json.ts';
import { parseRpcId, RPC_STATES, type RpcId } from '../model/rpc.ts';
import type { Principal } from '../registry/api-keys.ts';
import { type Config, flag, integer, json, oneOf, optional, text } from '../schema/fields.ts';
import type { AdminDeps } from './deps.ts';
import { deviceOf, idParam, pageFields } from './lookup.ts';
import { mayRead } from './readable.ts';
import { type Call, defineRoute, type Route } from './route.ts';
import { ANY_OBJECT, countedPageOf, NO_CONTENT, object, toCountedPage } from './wire.ts';

const tag = 'rpc';
const MAX_TIMEOUT_MS = 86_400_000;
const JSON_LIMITS = { maxDepth: 1_000, maxKeys: 1_000_000 } as const;

const body = {
  method: text('Name of the method.'),
  params: optional(json<unknown>('Any JSON.', {})),
  timeout: optional(integer('Time for the answer, ms.', { minimum: 0, maximum: MAX_TIMEOUT_MS })),
  persistent: flag('Keep the call until the device comes; the answer is its id.', { default: false }),
  expirationTime: optional(integer('When the call is over, ms since 1970; wins over `timeout`.', { minimum: 0 })),
  retries: optional(integer('How often a persistent call is delivered again.', { minimum: 0, maximum: 1_000 })),
  additionalInfo: optional(json<unknown>('Kept with a persistent call.', {})),
};
type CallBody = Pick<Call<Config<typeof idParam>, unknown, Config<typeof body>>, 'params' | 'body' | 'json'>;

/** `/api/rpc` says 504 for both; the former paths 408 and 409 (thingsboard-device-api 3.7). */
const FAULTS = {
  rpc: { timeout: 'RPC_TIMEOUT', 'no-session': 'RPC_NO_SESSION' },
  'plugins/rpc': { timeout: 'RPC_TIMEOUT_PLUGIN', 'no-session': 'RPC_NO_SESSION_PLUGIN' },
} as const satisfies Record<string, Record<'timeout' | 'no-session', ErrorCode>>;

const string = { type: 'string' } as const;
const RPC_ID = object({ rpcId: string });
const RPC = object({
  id: object({ entityType: string, id: string }),
  createdTime: { type: 'integer' },
  deviceId: object({ entityType: string, id: string }),
  expirationTime: { type: 'integer' },
  request: ANY_OBJECT,
  response: { description: 'What the device answered; null before.' },
  status: { enum: RPC_STATES },
  additionalInfo: {},
});

/** Calls to devices, on ThingsBoard's paths. */
export function rpcRoutes(deps: AdminDeps): readonly Route[] {
  const { deviceApi, storage } = deps;

  const handle = async (call: CallBody, oneway: boolean, faults: (typeof FAULTS)[keyof typeof FAULTS]) => {
    const device = await deviceOf(call.params.id, deps);
    const request = requestOf(call, oneway);
    if (call.body.persistent) return persist(device, request);
    const outcome = await deviceApi.rpc.call(device.id, request);
    switch (outcome.kind) {
      case 'done':
        return undefined;
      case 'response': {
        const parsed = parseJson(outcome.text, JSON_LIMITS);
        if (parsed.ok) return parsed.value;
        throw new BrokerError('RPC_NOT_JSON', { device: device.id });
      }
      case 'timeout':
      case 'no-session':
        throw new BrokerError(faults[outcome.kind], { device: device.id });
      case 'busy':
        throw new BrokerError('QUEUE_FULL', { detail: 'too many calls to this device wait' });
      case 'shutting-down':
        throw new BrokerError('SHUTTING_DOWN');
    }
  };

  const persist = async (device: Device, request: ReturnType<typeof requestOf>) => {
    const outcome = await deviceApi.rpc.persist(device.id, request);
    if (outcome.kind === 'queued') return { rpcId: outcome.id };
    if (outcome.kind === 'unknown-device') throw new BrokerError('DEVICE_NOT_FOUND', { device: device.id });
    throw new BrokerError('QUEUE_FULL', { detail: 'too many persistent calls wait' });
  };

  const readable = async (given: string, principal: Principal) => {
    const found = await storage.rpcs.get(rpcIdOf(given));
    if (found && (await mayRead(principal, found.deviceId, deps))) return found;
    throw new BrokerError('NOT_FOUND', { field: 'rpcId' });
  };

  const calls = (['rpc', 'plugins/rpc'] as const).flatMap((path) => [
    defineRoute({
      method: 'POST',
      url: `/api/${path}/oneway/:id`,
      tag,
      summary: 'Calls a method on the device; answers once the call is written to it.',
      role: 'operator',
      lenient: true,
      params: idParam,
      body,
      answer: { anyOf: [NO_CONTENT, RPC_ID] },
      handle: (call) => handle(call, true, FAULTS[path]),
    }),
    defineRoute({
      method: 'POST',
      url: `/api/${path}/twoway/:id`,
      tag,
      summary: 'Calls a method on the device and answers what the device answers.',
      role: 'operator',
      lenient: true,
      params: idParam,
      body,
      answer: { description: "The device's answer, or `rpcId` of a persistent call." },
      handle: (call) => handle(call, false, FAULTS[path]),
    }),
  ]);

  return [
    ...calls,
    defineRoute({
      method: 'GET',
      url: '/api/rpc/persistent/:rpcId',
      tag,
      summary: 'A persistent call and its state.',
      role: 'read-only',
      lenient: true,
      params: { rpcId: text('UUID.') },
      answer: RPC,
      handle: async ({ params, principal }) => describeRpc(await readable(params.rpcId, principal)),
    }),
    defineRoute({
      method: 'DELETE',
      url: '/api/rpc/persistent/:rpcId',
      tag,
      summary: 'Forgets a persistent call; one that waits is not delivered any more.',
      role: 'operator',
      lenient: true,
      params: { rpcId: text('UUID.') },
      answer: NO_CONTENT,
      async handle({ params, principal }) {
        const { id } = await readable(params.rpcId, principal);
        if (!(await deviceApi.rpc.remove(id))) throw new BrokerError('NOT_FOUND', { field: 'rpcId' });
      },
    }),
    defineRoute({
      method: 'GET',
      url: '/api/rpc/persistent/device/:id',
      tag,
      summary: 'Persistent calls of a device, newest first.',
      role: 'read-only',
      supplier: 'device',
      lenient: true,
      params: idParam,
      query: { rpcStatus: optional(oneOf('Only calls in this state.', RPC_STATES)), ...pageFields },
      answer: countedPageOf(RPC),
      async handle({ params, query }) {
        const { id } = await deviceOf(params.id, deps);
        const { page, pageSize, rpcStatus: state } = query;
        const found = await storage.rpcs.list(id, { page, pageSize, ...(state ? { state } : {}) });
        return toCountedPage(found, pageSize, (rpc) => describeRpc(rpc));
      },
    }),
  ];
}

/** Params and additional info keep the exact text of their numbers. */
function requestOf({ body, json }: CallBody, oneway: boolean) {
  const { method, timeout, expirationTime, retries } = body;
  const sent = json as JsonObject;
  return {
    method,
    oneway,
    params: stringifyJson(sent.params ?? null),
    ...(timeout === undefined ? {} : { timeoutMs: timeout }),
    ...(expirationTime === undefined ? {} : { expiresAt: expirationTime }),
    ...(retries === undefined ? {} : { retries }),
    ...(sent.additionalInfo === undefined ? {} : { additionalInfo: stringifyJson(sent.additionalInfo) }),
  };
}

function rpcIdOf(given: string): RpcId {
  const id = parseRpcId(given);
  if (id === undefined) throw new BrokerError('BAD_REQUEST', { field: 'rpcId', detail: '"rpcId" is not a UUID' });
  return id;
}
