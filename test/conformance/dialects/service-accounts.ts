import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Broker } from '../../helpers/broker.ts';
import { api } from '../../helpers/system.ts';
import { PROXY_HEADER, TLS_PROXY } from './kit.ts';

/** The account of the vectors E8 and E9. */
export const ACCOUNT = { accessKey: 'ak-demo', accessSecret: 'as-demo-secret' } as const;
export const ORG = 'o-demo';
export const TOKEN_PATH = '/apim-token-service/v2.0/token/get';
export const DEVICES = '/connect-service/v2.1/devices';
export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

interface Keys {
  readonly accessKey: string;
  readonly accessSecret: string;
}

export interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
  readonly code: number;
  readonly data: Record<string, unknown>;
}

/** A request as the load balancer sends it that has ended TLS, or over plain HTTP. */
export async function request(
  broker: Broker,
  path: string,
  { method = 'POST', body = '', headers = {}, tls = true }: Sent = {},
): Promise<Answer> {
  const socket = connect({
    port: broker.ports.http,
    host: '127.0.0.1',
    ...(tls ? { localAddress: TLS_PROXY } : {}),
  });
  await once(socket, 'connect');
  if (tls) socket.write(PROXY_HEADER);
  const head = [
    `${method} ${path} HTTP/1.1`,
    'Host: x',
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  const at = text.indexOf('\r\n\r\n');
  const json = JSON.parse(text.slice(at + 4)) as Record<string, unknown>;
  return {
    status: Number(text.split(' ')[1]),
    body: json,
    code: Number(json.code ?? json.status),
    data: (json.data ?? {}) as Record<string, unknown>,
  };
}

interface Sent {
  readonly method?: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly tls?: boolean;
}

/** Asks for a token; the time is part of what is signed. */
export function askToken(broker: Broker, keys: Keys, timestamp: string): Promise<Answer> {
  const { accessKey: appKey, accessSecret } = keys;
  const encryption = sha256(appKey + timestamp + accessSecret);
  return request(broker, TOKEN_PATH, { body: JSON.stringify({ appKey, encryption, timestamp }) });
}

export async function tokenOf(broker: Broker, keys: Keys, timestamp = String(Date.now())): Promise<string> {
  const { data } = await askToken(broker, keys, timestamp);
  return String(data.accessToken);
}

export interface Call {
  readonly query: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Sent instead of what was signed. */
  readonly sentBody?: string;
  readonly sentQuery?: Readonly<Record<string, string>>;
  readonly method?: string;
  readonly path?: string;
  readonly tls?: boolean;
}

/** A signed call, signed here and not by what is tested. */
export function call(broker: Broker, keys: Keys, token: string, what: Call): Promise<Answer> {
  const { query, body = '', path = DEVICES, method = 'POST', tls = true } = what;
  const sorted = Object.keys(query).sort();
  const timestamp = '1700000000000';
  const signed = token + sorted.map((name) => name + query[name]).join('') + body + timestamp + keys.accessSecret;
  const url = `${path}?${new URLSearchParams(what.sentQuery ?? query)}`;
  const headers = { 'apim-accesstoken': token, 'apim-signature': sha256(signed), 'apim-timestamp': timestamp };
  return request(broker, url, { method, body: what.sentBody ?? body, headers, tls });
}

/** An account, with the vectors' own key and secret unless told otherwise. */
export async function addAccount(
  broker: Broker,
  name: string,
  more: Readonly<Record<string, unknown>> = {},
): Promise<Keys> {
  return api<Keys & Record<string, unknown>>(broker, '/api/gridmoor/service-accounts', {
    method: 'POST',
    body: { name, ...more },
  });
}
