import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type JsonValue, stringifyJson } from '../model/json.ts';
import type { Principal } from '../registry/api-keys.ts';
import { alarmListRoutes } from './alarm-lists.ts';
import { alarmRoutes } from './alarms.ts';
import { apiKeyRoutes } from './api-keys.ts';
import { attachmentRoutes } from './attachments.ts';
import { attributeRoutes } from './attributes.ts';
import { auditRoutes } from './audit.ts';
import { authorise, keyOf } from './auth.ts';
import { registerBackup } from './backup.ts';
import { brokerRoutes } from './brokers.ts';
import { chainHistoryRoutes } from './chain-history.ts';
import { chainRoutes } from './chains.ts';
import { compileCheck, parseBody } from './checking.ts';
import { credentialsEndRoutes } from './credentials-ends.ts';
import { customerRoutes } from './customers.ts';
import { deadLetterRoutes } from './dead-letters.ts';
import type { AdminDeps } from './deps.ts';
import { deviceCertificateRoutes } from './device-certificates.ts';
import { deviceConfigRoutes } from './device-config.ts';
import { deviceFileRoutes } from './device-files.ts';
import { deviceInfoRoutes } from './device-infos.ts';
import { deviceLifeRoutes } from './device-life.ts';
import { deviceProfileRoutes } from './device-profiles.ts';
import { deviceSaveRoutes } from './device-saves.ts';
import { deviceRoutes } from './devices.ts';
import { entityRoutes } from './entities.ts';
import { entityWriteRoutes } from './entity-writes.ts';
import { explainRoutes } from './explain.ts';
import { registerLive } from './live/socket.ts';
import { loginRoutes } from './login.ts';
import { pullMetrics } from './message-metrics.ts';
import { registerNotOffered } from './not-offered.ts';
import { registerOpenApi } from './openapi.ts';
import { otaRoutes } from './ota.ts';
import { otaCampaignRoutes } from './ota-campaigns.ts';
import { registerOtaTransfer } from './ota-transfer.ts';
import { portableRoutes } from './portable.ts';
import { registerProbes } from './probes.ts';
import { recordingRoutes } from './recordings.ts';
import { HANG_UP, type JsonSchema, type Route, Tagged } from './route.ts';
import { rpcRoutes } from './rpc.ts';
import { ruleChainRoutes } from './rule-chains.ts';
import { ruleEngineRoutes } from './rule-engine.ts';
import { serialRoutes } from './serials.ts';
import { serviceAccountRoutes } from './service-accounts.ts';
import { stateRoutes } from './state.ts';
import { statisticsRoutes } from './statistics.ts';
import { checkSubtreeScope } from './subtree-scope.ts';
import { checkSupplierScope } from './supplier-scope.ts';
import { supplierRoutes } from './suppliers.ts';
import { telemetryRoutes } from './telemetry.ts';
import { telemetryWriteRoutes } from './telemetry-writes.ts';
import { credentialsRoutes } from './thingsboard-credentials.ts';
import { treeRoutes } from './trees.ts';
import { userRoutes } from './users.ts';
import { checkGrant } from './work-roles.ts';

export type { BrokerControl, BrokerLine } from './broker-control.ts';
export type { AdminDeps } from './deps.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** A body that names a key twice in one object is refused. */
    uniqueKeys?: boolean;
  }
}

/** Every route of the management API. */
export const adminRoutes = (deps: AdminDeps): readonly Route[] => [
  ...deviceRoutes(deps),
  ...deviceLifeRoutes(deps),
  ...deviceCertificateRoutes(deps),
  ...deviceConfigRoutes(deps),
  ...deviceFileRoutes(deps),
  ...deviceSaveRoutes(deps),
  ...deviceInfoRoutes(deps),
  ...credentialsRoutes(deps),
  ...deviceProfileRoutes(deps),
  ...telemetryRoutes(deps),
  ...telemetryWriteRoutes(deps),
  ...attributeRoutes(deps),
  ...entityRoutes(deps),
  ...entityWriteRoutes(deps),
  ...treeRoutes(deps),
  ...portableRoutes(deps),
  ...customerRoutes(deps),
  ...supplierRoutes(deps),
  ...attachmentRoutes(deps),
  ...deadLetterRoutes(deps),
  ...auditRoutes(deps),
  ...apiKeyRoutes(deps),
  ...serviceAccountRoutes(deps),
  ...serialRoutes(deps),
  ...loginRoutes(deps),
  ...userRoutes(deps),
  ...stateRoutes(deps),
  ...statisticsRoutes(deps),
  ...chainRoutes(deps),
  ...ruleChainRoutes(deps),
  ...chainHistoryRoutes(deps),
  ...explainRoutes(deps),
  ...recordingRoutes(deps),
  ...rpcRoutes(deps),
  ...ruleEngineRoutes(deps),
  ...alarmRoutes(deps),
  ...alarmListRoutes(deps),
  ...otaRoutes(deps),
  ...otaCampaignRoutes(deps),
  ...credentialsEndRoutes(deps),
  ...brokerRoutes(deps),
];

/**
 * Puts the management API, the probes, `/metrics` and `/openapi.json` on the HTTP server. Errors are thrown as BrokerError:
 * the server turns them into problem+json. Call once, before `listen`.
 */
export async function registerAdmin(server: FastifyInstance, deps: AdminDeps): Promise<void> {
  pullMetrics(deps);
  registerLive(server, deps);
  await server.register(async (scope) => {
    registerProbes(scope, deps);
    registerOpenApi(scope, deps.instance.version);
  });
  await server.register(async (scope) => registerNotOffered(scope));
  await server.register(async (scope) => registerOtaTransfer(scope, deps));
  await server.register(async (scope) => registerBackup(scope, deps));
  await server.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      // ThingsBoard's own clients send JSON as text/plain where its API description says "string".
      ['application/json', 'text/plain'],
      { parseAs: 'buffer' },
      async (request: FastifyRequest, body: Buffer) => parseBody(body, request.routeOptions.config),
    );
    scope.setValidatorCompiler(({ schema, httpPart }) =>
      compileCheck(schema as JsonSchema, httpPart as 'params' | 'querystring' | 'body'),
    );
    // Our own text keeps exact numbers; schemas of answers are for the OpenAPI page.
    scope.setSerializerCompiler(() => (data) => stringifyJson(data as JsonValue));
    for (const route of adminRoutes(deps)) mount(scope, route, deps);
  });
}

/** Sees nothing and may nothing: for routes that ask no one. */
const NOBODY: Principal = { by: 'nobody', role: 'supplier' };

function mount(scope: FastifyInstance, route: Route, deps: AdminDeps): void {
  const principals = new WeakMap<FastifyRequest, Principal>();
  const bodies = new WeakMap<FastifyRequest, JsonValue>();
  const name = { method: route.method, url: route.url, tag: route.schema.tags[0] ?? '' };
  scope.route({
    method: route.method,
    url: route.url,
    schema: route.schema,
    config: { uniqueKeys: route.uniqueKeys },
    async onRequest(request, reply) {
      const principal = await authorise(request.headers, request.ip, { ...route, name }, deps);
      if (principal === 'hang-up') return hangUp(request, reply);
      if (principal !== 'nobody') principals.set(request, principal);
    },
    async preValidation(request) {
      bodies.set(request, (request.body ?? null) as JsonValue);
    },
    async handler(request, reply) {
      const { params, query, body, ip: address } = request;
      const principal = principals.get(request) ?? NOBODY;
      await checkSupplierScope(principal, route, params, deps);
      await checkSubtreeScope(principal, route, params, deps);
      await checkGrant(principal, route, params, deps);
      const { by } = principal;
      const json = bodies.get(request) ?? null;
      const key = keyOf(request.headers);
      const ifMatch = request.headers['if-match'];
      const given = await route.handle({ params, query, body, json, by, principal, key, address, ifMatch });
      if (given === HANG_UP) return hangUp(request, reply);
      const result = given instanceof Tagged ? given.body : given;
      if (given instanceof Tagged) reply.header('etag', given.etag);
      reply.code(route.status).header('cache-control', 'no-store');
      if (result === undefined) return reply.send();
      return reply.type('application/json').send(stringifyJson(result as JsonValue));
    },
  });
}

/** No answer at all, for an address that keeps guessing. */
function hangUp(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  reply.hijack();
  request.raw.socket.destroy();
  return reply;
}
