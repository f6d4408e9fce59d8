import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, TLSSocket, type TlsOptions, type Server as TlsServer } from 'node:tls';
import { createWebSocketStream, WebSocketServer } from 'ws';
import type { DeviceApi } from '../../device-api/index.ts';
import type { Log } from '../../observe/index.ts';
import { limitConnections } from '../proxy/connection-limit.ts';
import { expectProxyHeader, isSecure, linkOf, type ProxyOptions, setRemoteAddress } from '../proxy/expect-header.ts';
import type { AddressBlockOptions } from './address-block.ts';
import { type AppClients, type AppCounts, type AppLimits, createAppBroker } from './app/index.ts';
import { clientCertificate } from './client-certificate.ts';
import { DeviceBroker, type DeviceBrokerOptions, wireBytes } from './device-broker.ts';

export interface Listener {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
}

export interface MqttFrontOptions {
  readonly tcp: Listener;
  readonly tls?: Listener & { readonly options: TlsOptions };
  readonly webSocket?: Listener & { readonly path: string };
  readonly maxConnections: number;
  /** Load balancers that speak the PROXY protocol to all these listeners; absent = none. */
  readonly proxy?: ProxyOptions;
  /** Largest remaining length of a packet, bytes (thingsboard-device-api 7.1). */
  readonly maxPayloadBytes: number;
  readonly broker: Omit<DeviceBrokerOptions, 'maxPacketBytes' | 'maxPayloadBytes' | 'addressBlock'>;
  readonly addressBlock?: AddressBlockOptions;
  readonly apps: AppLimits;
}

export interface MqttPorts {
  readonly mqtt: number;
  readonly mqtts?: number;
  readonly ws?: number;
}

/**
 * Connections that may wait to be accepted. When a whole fleet comes back at once, Node's 511 overflow, and who overflowed
 * tries again only after 1, 2, 4 … seconds.
 */
const BACKLOG = 4096;

/**
 * A client may show a certificate of any issuer; what it is worth is decided at CONNECT (thingsboard-device-api 1.3). The
 * handshake proves only that the client holds its key.
 */
const ASK_FOR_CERTIFICATE = { requestCert: true, rejectUnauthorized: false, noDelay: true } as const;

function ignore(): void {}

/** The MQTT front: 3.1, 3.1.1 and 5 over TCP, TLS and WebSocket. */
export interface MqttFront {
  /** Throws when a port cannot be bound; nothing then listens. */
  listen(): Promise<MqttPorts>;
  /** Stops accepting and tells the clients to move, so many a second; what they have sent is finished as ever. */
  drain(perSecond: number): Promise<void>;
  /** Stops accepting, finishes what was read, tells the clients, closes. @param others there are instances that take them. */
  close(others?: boolean): Promise<void>;
  readonly openConnections: number;
  /** Of app clients. */
  readonly apps: AppCounts | undefined;
}

/** @param apps without it no app client is let in. */
export function createMqttFront(options: MqttFrontOptions, api: DeviceApi, log: Log, apps?: AppClients): MqttFront {
  const maxPacketBytes = wireBytes(options.maxPayloadBytes);
  const appBroker = apps && createAppBroker({ ...options.broker, ...options.apps, maxPacketBytes }, apps);
  const broker = new DeviceBroker(
    {
      ...options.broker,
      maxPacketBytes,
      maxPayloadBytes: options.maxPayloadBytes,
      ...(options.addressBlock ? { addressBlock: options.addressBlock } : {}),
    },
    api,
    log,
    appBroker,
  );
  const servers: (Server | HttpServer)[] = [];
  const patienceMs = options.broker.connectTimeoutMs;
  let handshakes: ReadonlySet<Socket> = new Set();
  const headersOff: (() => void)[] = [];

  let appsGone: Promise<void> | undefined;
  const shutDownApps = async (): Promise<void> => {
    appsGone ??= appBroker?.shutDown();
    await appsGone;
  };

  const accept = (socket: Socket): void => {
    // aedes listens for errors only once it has the socket; before that one would end the process.
    socket.on('error', ignore);
    if (socket.destroyed) return;
    const certificate = socket instanceof TLSSocket ? clientCertificate(socket) : undefined;
    broker.accept(socket, {
      address: socket.remoteAddress ?? 'unknown',
      secure: isSecure(socket),
      ...(certificate ? { certificate } : {}),
    });
  };
  const open = async (server: Server | HttpServer, listener: Listener): Promise<number> => {
    limitConnections(server, options.maxConnections);
    servers.push(server);
    if (options.proxy) headersOff.push(expectProxyHeader(server, options.proxy, log));
    server.prependListener('connection', (socket: Socket) => {
      if (broker.blocks(socket.remoteAddress ?? 'unknown')) socket.destroy();
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: listener.host, port: listener.port, backlog: BACKLOG }, () => {
        server.off('error', reject);
        server.on('error', (error) => log.error({ event: 'mqtt.listener', err: error }, 'listener error'));
        resolve();
      });
    });
    return (server.address() as AddressInfo).port;
  };

  return {
    async listen() {
      await broker.listen();
      await appBroker?.start();
      const mqtt = await open(createServer({ noDelay: true }, accept), options.tcp);
      const tls =
        options.tls &&
        createTlsServer({ minVersion: 'TLSv1.2', ...options.tls.options, ...ASK_FOR_CERTIFICATE }, accept);
      tls?.on('tlsClientError', (error, socket) => {
        log.debug({ event: 'mqtt.tls', reason: error.message }, 'TLS handshake failed');
        socket.destroy();
      });
      if (tls) handshakes = limitHandshakes(tls, patienceMs);
      const mqtts = tls && options.tls ? await open(tls, options.tls) : undefined;
      const web =
        options.webSocket &&
        createWebSocketServer({ path: options.webSocket.path, maxPayload: maxPacketBytes, patienceMs }, broker, log);
      const ws = web && options.webSocket ? await open(web, options.webSocket) : undefined;
      return { mqtt, ...(mqtts === undefined ? {} : { mqtts }), ...(ws === undefined ? {} : { ws }) };
    },
    async drain(perSecond) {
      for (const server of servers) server.close();
      await Promise.all([broker.moveAway(perSecond), shutDownApps()]);
    },
    async close(others = false) {
      const closed = servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
      await Promise.all([broker.shutDown(others), shutDownApps()]);
      for (const off of headersOff) off();
      for (const socket of handshakes) socket.destroy();
      for (const server of servers) if ('closeAllConnections' in server) server.closeAllConnections();
      await Promise.all(closed);
    },
    get openConnections() {
      return broker.openConnections;
    },
    get apps() {
      return appBroker?.counts;
    },
  };
}

/**
 * Ends TLS handshakes that are not done in time, also of a peer that sends a byte now and then: Node's own limit only
 * reports silent ones. Gives the sockets whose handshake is under way.
 */
function limitHandshakes(server: TlsServer, patienceMs: number): ReadonlySet<Socket> {
  const open = new Set<Socket>();
  // The TLS socket that Node hands over does not tell which plain one it stands on, but has its link.
  const settleByLink = new Map<string, (secure?: Socket) => void>();
  server.on('connection', (socket) => {
    const link = linkOf(socket);
    const { remoteAddress } = socket;
    const timer = setTimeout(() => socket.destroy(), patienceMs);
    const settle = (secure?: Socket): void => {
      clearTimeout(timer);
      open.delete(socket);
      if (settleByLink.get(link) === settle) settleByLink.delete(link);
      // The one that a PROXY header has named goes on with the connection.
      if (secure && remoteAddress !== undefined && remoteAddress !== secure.remoteAddress) {
        setRemoteAddress(secure, remoteAddress);
      }
    };
    open.add(socket);
    settleByLink.set(link, settle);
    socket.once('close', () => settle());
  });
  server.prependListener('secureConnection', (secure) => settleByLink.get(linkOf(secure))?.(secure));
  return open;
}

/** MQTT over WebSocket [MQTT-6.0.0-3]: binary frames, sub-protocol `mqtt`, one path. */
function createWebSocketServer(
  { path, maxPayload, patienceMs }: { path: string; maxPayload: number; patienceMs: number },
  broker: DeviceBroker,
  log: Log,
): HttpServer {
  const limits = { headersTimeout: patienceMs, requestTimeout: patienceMs, connectionsCheckingInterval: 1_000 };
  const server = createHttpServer(limits, (_request, response) => {
    response.writeHead(426, { 'content-type': 'text/plain', connection: 'close' }).end('MQTT over WebSocket only\n');
  });
  const sockets = new WebSocketServer({
    server,
    path,
    maxPayload,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has('mqtt') ? 'mqtt' : offered.has('mqttv3.1') ? 'mqttv3.1' : false),
  });
  // The server's own errors, such as a taken port, which ws passes on: `open` has heard of them.
  sockets.on('error', () => {});
  sockets.on('connection', (socket, request) => {
    socket.on('error', (error) => log.debug({ event: 'mqtt.ws', reason: error.message }, 'WebSocket error'));
    const stream = createWebSocketStream(socket);
    stream.on('error', () => {});
    const { socket: link } = request;
    broker.accept(stream, { address: link.remoteAddress ?? 'unknown', secure: isSecure(link) });
  });
  return server;
}
