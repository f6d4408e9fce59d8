import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { type WebSocket, WebSocketServer } from 'ws';
import { BrokerError } from '../../errors.ts';
import { readsValues } from '../../model/role.ts';
import { Secret } from '../../model/secret.ts';
import type { Principal } from '../../registry/api-keys.ts';
import { identify, keyOf } from '../auth.ts';
import type { AdminDeps } from '../deps.ts';
import { parseCommands } from './commands.ts';
import { Subscriptions } from './subscriptions.ts';

/** The second is the path of ThingsBoard before 3.6. */
const PATHS: ReadonlySet<string> = new Set(['/api/ws', '/api/ws/plugins/telemetry']);
const MAX_MESSAGE_BYTES = 65_536;
/** Messages of one connection that wait for the one before. */
const MAX_WAITING = 100;
/** A reader that leaves more unread is cut. */
const MAX_UNREAD_BYTES = 1_048_576;
/** Time to log in, ms. */
const LOGIN_MS = 10_000;

export interface LiveOptions {
  readonly maxConnections: number;
  /** How often a connection is pinged and its key or token looked at again, ms. */
  readonly checkMs: number;
}
export const LIVE_DEFAULTS: LiveOptions = { maxConnections: 1_000, checkMs: 15_000 };

const CLOSE = { goingAway: 1001, policy: 1008 } as const;

/** ThingsBoard's WebSocket API for latest values and attributes, on the HTTP server. Call once. */
export function registerLive(server: FastifyInstance, deps: AdminDeps, options: LiveOptions = LIVE_DEFAULTS): void {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES, perMessageDeflate: false });
  const { clients } = sockets;
  server.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    if (request.headers.upgrade?.toLowerCase() !== 'websocket') {
      answerWithoutUpgrade(server.server, request, socket, head);
      return;
    }
    if (!PATHS.has(request.url?.split('?', 1)[0] ?? '')) refuse(socket, '404 Not Found');
    else if (clients.size >= options.maxConnections) refuse(socket, '503 Service Unavailable');
    else sockets.handleUpgrade(request, socket, head, (client) => serve(client, request, deps, options));
  });
  deps.metrics.pull(
    'gauge',
    { name: 'gridmoor_api_websockets', help: 'Open WebSocket connections of the management API.' },
    () => clients.size,
  );
  server.addHook('preClose', async () => {
    for (const client of clients) client.close(CLOSE.goingAway);
    sockets.close();
  });
}

function serve(client: WebSocket, request: IncomingMessage, deps: AdminDeps, options: LiveOptions): void {
  const address = request.socket.remoteAddress ?? '';
  const subscriptions = new Subscriptions(deps, (text) => {
    if (client.bufferedAmount > MAX_UNREAD_BYTES) client.terminate();
    else if (client.readyState === client.OPEN) client.send(text);
  });
  let key = keyOf(request.headers);
  let principal: Principal | undefined;
  let alive = true;
  let waiting = 0;
  let tail: Promise<void> = Promise.resolve();

  /** Looks at the key or token, at first and again and again: it may be revoked or run out. */
  const login = async (): Promise<void> => {
    try {
      const identity = key && (await identify(key, address, deps));
      if (identity === 'hang-up') return client.terminate();
      principal = identity?.principal;
      if (principal && !readsValues(principal.role)) throw new BrokerError('FORBIDDEN');
    } catch {
      principal = undefined;
      client.close(CLOSE.policy, 'not authorized');
    }
  };
  const handle = async (text: string): Promise<void> => {
    const commands = parseCommands(text);
    if (!commands) return client.close(CLOSE.policy, 'not a command');
    for (const command of commands) {
      if (client.readyState !== client.OPEN) return;
      if (command.kind === 'auth') {
        key = new Secret(command.token);
        subscriptions.endAll();
        await login();
      } else if (principal === undefined) {
        return client.close(CLOSE.policy, 'not authorized');
      } else if (command.kind === 'subscribe') {
        await subscriptions.subscribe(command, principal);
      } else if (command.kind === 'unsubscribe') subscriptions.end(command.id);
      else subscriptions.refuse(command.id, command.problem);
    }
  };
  const inTurn = (work: () => Promise<void>): void => {
    waiting++;
    tail = tail
      .then(work)
      .catch(() => client.terminate())
      .finally(() => {
        waiting--;
      });
  };

  if (key) inTurn(login);
  const loginTimer = setTimeout(() => {
    if (principal === undefined) client.close(CLOSE.policy, 'not authorized');
  }, LOGIN_MS);
  const check = setInterval(() => {
    if (!alive) return client.terminate();
    alive = false;
    client.ping();
    if (principal !== undefined && waiting === 0) inTurn(login);
  }, options.checkMs);
  client.on('pong', () => {
    alive = true;
  });
  client.on('message', (data, isBinary) => {
    if (isBinary || waiting >= MAX_WAITING) client.close(CLOSE.policy, isBinary ? 'not text' : 'too many commands');
    else inTurn(() => handle(String(data)));
  });
  client.on('error', () => client.terminate());
  client.on('close', () => {
    clearTimeout(loginTimer);
    clearInterval(check);
    subscriptions.endAll();
  });
}

function refuse(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
}

/**
 * A request that offers another upgrade (Java's client offers h2c on each) is answered as if it had not: without this every
 * such request would hang, as Node gives all upgrades to the one listener.
 */
function answerWithoutUpgrade(server: Server, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const lines = [`${request.method ?? 'GET'} ${request.url ?? '/'} HTTP/1.1`];
  for (let at = 0; at + 1 < request.rawHeaders.length; at += 2) {
    const name = request.rawHeaders[at] ?? '';
    if (/^(?:upgrade|connection|http2-settings)$/i.test(name)) continue;
    lines.push(`${name}: ${request.rawHeaders[at + 1] ?? ''}`);
  }
  socket.removeAllListeners('error');
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head]));
  server.emit('connection', socket);
}
