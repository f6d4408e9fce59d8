import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { DeviceApi, ServiceApi } from '../../device-api/index.ts';
import { BrokerError } from '../../errors.ts';
import type { Log } from '../../observe/index.ts';
import { limitConnections } from '../proxy/connection-limit.ts';
import { expectProxyHeader, type ProxyOptions } from '../proxy/expect-header.ts';
import { logRequest } from './access-log.ts';
import { collectOpenApi } from './openapi.ts';
import { isThingsBoardPath, PROBLEM_TYPE, toProblem, withThingsBoardMembers } from './problem.ts';
import { limitRequestTime } from './request-deadline.ts';
import { registerDeviceRoutes } from './routes.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The body may take as long as it keeps coming; for routes that let in few, in `onRequest`. */
    slowBody?: boolean;
  }
}

export interface HttpFrontOptions {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** Largest body of a device's request, bytes (thingsboard-device-api 7.1). */
  readonly maxPayloadBytes: number;
  readonly maxConnections: number;
  /** A request must have arrived whole by then; one of a route with `slowBody` must have come on. */
  readonly requestTimeoutMs: number;
  /** How long `close` waits for answers under way before it cuts their connections. */
  readonly closeTimeoutMs: number;
  /** Load balancers that speak the PROXY protocol; absent = none. */
  readonly proxy?: ProxyOptions;
}

export const HTTP_FRONT_DEFAULTS = {
  host: '0.0.0.0',
  port: 8080,
  maxPayloadBytes: 65_536,
  maxConnections: 10_000,
  requestTimeoutMs: 30_000,
  closeTimeoutMs: 5_000,
} as const satisfies HttpFrontOptions;

/** The one HTTP server: device API here, management API registered on `server` by the admin room. */
export interface HttpFront {
  readonly server: FastifyInstance;
  /** Call after everything is registered. Throws CONFIG_INVALID when the port cannot be bound. */
  listen(): Promise<{ readonly port: number }>;
  /** Stops accepting, finishes what is under way, then cuts what is left. */
  close(): Promise<void>;
}

export interface HttpFrontDeps {
  readonly deviceApi: DeviceApi;
  /** Absent: its paths are not offered. */
  readonly serviceApi?: ServiceApi;
  readonly log: Log;
}

/** Longest part of a path: access tokens have up to 8,192 characters. */
const MAX_PARAM_LENGTH = 8_192;
const ADMIN_BODY_LIMIT = 1_048_576;

export function createHttpFront(options: HttpFrontOptions, deps: HttpFrontDeps) {
  const log = deps.log.child({ part: 'http' });
  const server = Fastify({
    logger: false,
    trustProxy: false,
    bodyLimit: ADMIN_BODY_LIMIT,
    requestTimeout: 0, // see limitRequestTime
    keepAliveTimeout: 65_000,
    forceCloseConnections: 'idle',
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    http: { headersTimeout: Math.min(10_000, options.requestTimeoutMs), connectionsCheckingInterval: 1_000 },
    frameworkErrors: (error, request, reply) => sendProblem(error, request, reply, log),
    clientErrorHandler: (error, socket) => refuseRaw(error, socket, log),
  });
  limitConnections(server.server, options.maxConnections);
  const headersOff = options.proxy && expectProxyHeader(server.server, options.proxy, log);
  const connections = countRequests(server.server);
  const deadlines = limitRequestTime(server.server, options.requestTimeoutMs);
  // Behind `onRequest`: who sends has been let in.
  server.addHook('preParsing', async (request) => {
    if (request.routeOptions.config.slowBody) deadlines.allowSlow(request.raw);
  });
  server.addHook('onResponse', async (request, reply) => logRequest(log, request, reply));
  server.setErrorHandler((error, request, reply) => sendProblem(error, request, reply, log));
  // A path that is not offered is refused whatever its body says: the body is left unread.
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', (_request, _body, done) => done(null));
  server.setNotFoundHandler((request, reply) => sendProblem(new BrokerError('NOT_OFFERED'), request, reply, log));
  collectOpenApi(server);
  server.register(async (scope) => {
    registerDeviceRoutes(scope, { ...deps, log, maxPayloadBytes: options.maxPayloadBytes });
  });
  return {
    server,
    async listen() {
      try {
        await server.listen({ host: options.host, port: options.port });
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === undefined || !/^E[A-Z]+$/.test(code)) throw error;
        const place = `${options.host}:${options.port}`;
        const detail = `cannot listen on HTTP ${place}: ${code} (HTTP_BIND_ADDRESS, HTTP_BIND_PORT)`;
        throw new BrokerError('CONFIG_INVALID', { detail }, { cause: error });
      }
      const address = server.server.address();
      return { port: typeof address === 'object' && address !== null ? address.port : options.port };
    },
    async close() {
      const cut = setTimeout(() => server.server.closeAllConnections(), options.closeTimeoutMs);
      const closed = server.close();
      // Node's own notion of idle leaves out connections that have not sent a request yet.
      for (const [socket, requests] of connections) if (requests === 0) socket.destroy();
      headersOff?.();
      await closed;
      clearTimeout(cut);
    },
  } satisfies HttpFront;
}

/** Open connections with the number of their requests that have no answer yet. */
function countRequests(server: Server): ReadonlyMap<Socket, number> {
  const connections = new Map<Socket, number>();
  server.on('connection', (socket) => {
    connections.set(socket, 0);
    socket.once('close', () => connections.delete(socket));
  });
  server.on('request', ({ socket }, response) => {
    connections.set(socket, (connections.get(socket) ?? 0) + 1);
    response.once('close', () => {
      const left = (connections.get(socket) ?? 1) - 1;
      if (!socket.destroyed) connections.set(socket, left);
    });
  });
  return connections;
}

function sendProblem(thing: unknown, request: FastifyRequest, reply: FastifyReply, log: Log): FastifyReply {
  const { problem, ours, error } = toProblem(thing);
  if (ours) {
    log.error(
      { event: 'http.failed', route: request.routeOptions.url ?? 'none', method: request.method, err: error },
      'http request failed',
    );
  }
  if (problem.status === 401) reply.header('www-authenticate', 'Bearer');
  const body = isThingsBoardPath(request.url) ? withThingsBoardMembers(problem, Date.now()) : problem;
  return reply.code(problem.status).header('cache-control', 'no-store').type(PROBLEM_TYPE).send(JSON.stringify(body));
}

/** Bytes that are no HTTP: one short answer, then the connection is closed. */
function refuseRaw(error: NodeJS.ErrnoException, socket: Socket, log: Log): void {
  log.info({ event: 'http.malformed', reason: error.code, address: socket.remoteAddress }, 'not an http request');
  const status =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? '431 Request Header Fields Too Large'
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? '408 Request Timeout'
        : '400 Bad Request';
  if (socket.writable && error.code !== 'ECONNRESET') {
    socket.end(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
  }
  socket.destroySoon();
}
