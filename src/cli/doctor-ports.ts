import { createSocket } from 'node:dgram';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer, isIPv6 } from 'node:net';
import type { Config } from '../config/index.ts';
import type { Finding } from './doctor-checks.ts';

export interface PortUse {
  readonly name: string;
  readonly variable: string;
  readonly host: string;
  readonly port: number;
  /** Absent: TCP. */
  readonly udp?: true;
}

export function configuredPorts({ mqtt, http, coap }: Config): PortUse[] {
  const host = mqtt.bindAddress;
  return [
    { name: 'MQTT', variable: 'MQTT_BIND_PORT', host, port: mqtt.bindPort },
    ...(mqtt.sslEnabled
      ? [{ name: 'MQTT over TLS', variable: 'MQTT_SSL_BIND_PORT', host, port: mqtt.sslBindPort }]
      : []),
    ...(mqtt.wsBindPort === undefined
      ? []
      : [{ name: 'MQTT over WebSocket', variable: 'MQTT_WS_BIND_PORT', host, port: mqtt.wsBindPort }]),
    { name: 'HTTP', variable: 'HTTP_BIND_PORT', host: http.bindAddress, port: http.bindPort },
    ...(coap.enabled
      ? [{ name: 'CoAP', variable: 'COAP_BIND_PORT', host: coap.bindAddress, port: coap.bindPort, udp: true as const }]
      : []),
  ];
}

/** @param running whether an instance of ours answers: then a port that is in use is most likely its own. */
export async function checkPort({ name, variable, host, port, udp }: PortUse, running: boolean): Promise<Finding> {
  const check = `port ${name}`;
  if (port === 0) return { check, level: 'ok', found: 'a free one is taken at the start' };
  const code = await (udp ? tryBind(host, port) : tryListen(host, port));
  if (code === undefined) return { check, level: 'ok', found: `${host}:${port} is free` };
  if (code !== 'EADDRINUSE') {
    const repair = code === 'EACCES' ? `choose a port above 1023 with ${variable}` : 'check the bind address';
    return { check, level: 'fail', found: `${host}:${port} cannot be bound (${code})`, repair };
  }
  const holder = holderOf(port, udp ? 'udp' : 'tcp') ?? 'another process';
  if (running) return { check, level: 'ok', found: `${host}:${port} is held by ${holder}; an instance is running` };
  const found = `${host}:${port} is held by ${holder}`;
  return { check, level: 'fail', found, repair: `stop it, or choose another port with ${variable}` };
}

/** Undefined when the port could be bound, else the error's code. */
function tryListen(host: string, port: number): Promise<string | undefined> {
  return new Promise((done) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => done(error.code ?? 'unknown'));
    server.listen({ host, port, exclusive: true }, () => server.close(() => done(undefined)));
  });
}

/** The same for UDP. */
function tryBind(address: string, port: number): Promise<string | undefined> {
  return new Promise((done) => {
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
    socket.once('error', (error: NodeJS.ErrnoException) => socket.close(() => done(error.code ?? 'unknown')));
    socket.bind({ address, port, exclusive: true }, () => socket.close(() => done(undefined)));
  });
}

/** States of sockets that hold a port: a TCP one listens, a UDP one is not connected (include/net/tcp_states.h). */
const HOLDS = { tcp: '0A', udp: '07' } as const;

/** `name (process 12)` of whoever holds a port, as far as this user may see it; Linux only. */
export function holderOf(port: number, protocol: keyof typeof HOLDS = 'tcp'): string | undefined {
  const tables = [`/proc/net/${protocol}`, `/proc/net/${protocol}6`];
  const inodes = new Set(tables.flatMap((table) => inodesIn(table, port, HOLDS[protocol])));
  if (inodes.size === 0) return undefined;
  for (const pid of list('/proc').filter((name) => /^\d+$/.test(name))) {
    for (const fd of list(`/proc/${pid}/fd`)) {
      const inode = /^socket:\[(\d+)\]$/.exec(link(`/proc/${pid}/fd/${fd}`))?.[1];
      if (inode !== undefined && inodes.has(inode)) return `${read(`/proc/${pid}/comm`).trim()} (process ${pid})`;
    }
  }
  return undefined;
}

/** Rows in that state of a table of the kernel; the second column is address:port in hex, the tenth the inode. */
function inodesIn(table: string, port: number, state: string): string[] {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const rows = read(table).split('\n').slice(1);
  return rows
    .map((row) => row.trim().split(/\s+/))
    .filter((columns) => columns[3] === state && columns[1]?.endsWith(wanted))
    .flatMap((columns) => columns[9] ?? []);
}

const quietly = <T>(fallback: T, act: () => T): T => {
  try {
    return act();
  } catch {
    // A process that has ended, or that this user may not look into.
    return fallback;
  }
};
const list = (path: string): string[] => quietly([], () => readdirSync(path));
const link = (path: string): string => quietly('', () => readlinkSync(path));
const read = (path: string): string => quietly('', () => readFileSync(path, 'utf8'));
