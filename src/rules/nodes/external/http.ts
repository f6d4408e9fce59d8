import type { Agent } from 'undici';
import type { JsonValue } from '../../../model/json.ts';
import { parseJson } from '../../../model/json.ts';
import { type Msg, withMsg } from '../../../model/msg.ts';
import { flag, integer, json, oneOf, optional, text, textMap } from '../../../schema/fields.ts';
import { type SecretRef, secretRefSchema } from '../../../schema/secret-ref.ts';
import { defineNode, NodeFailure, type NodeLoader, type RawConfig } from '../../node-kind.ts';
import { createAddressGuard, Link, Places, payloadText } from '../../outside/index.ts';
import { compileText, compileTextWith, hasPlaceholder } from '../../template.ts';

type Credentials =
  | { readonly type: 'anonymous' }
  | { readonly type: 'basic'; readonly username: string; readonly password: SecretRef }
  | { readonly type: 'bearer'; readonly token: SecretRef };

const MAX_HEADERS = 64;
const MAX_DEPTH = 64;
const SECRET = secretRefSchema('unset, the chains are refused');
/** Not `anyOf`: what is missing is said of the type that is given. */
const credentialsOf = (type: string, members: Record<string, unknown>): Record<string, unknown> => ({
  if: { required: ['type'], properties: { type: { const: type } } },
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
  then: { additionalProperties: false, required: Object.keys(members), properties: { type: true, ...members } },
});

export const http = defineNode({
  kind: 'external/http',
  thingsboard: {
    type: 'org.thingsboard.rule.engine.rest.TbRestApiCallNode',
    version: 4,
    upgrades: [
      ({ trimDoubleQuotes, ...rest }) => ({ ...rest, parseToPlainText: trimDoubleQuotes ?? false }),
      ({ useRedisQueueForMsgPersistence, trimQueue, maxQueueSize, ...rest }) => rest,
      (old) => ({ maxInMemoryBufferSizeInKb: 256, ...old }),
      (old) => ({ requestBodyTemplate: null, ...old }),
    ],
    read: fromThingsBoard,
    write: toThingsBoard,
  },
  version: 0,
  summary:
    'Calls an HTTP service and goes on with its answer as the body; metadata gets status, statusCode, statusReason and the headers of the answer. An answer of 300 or more, no answer, or a place that may not be reached goes to Failure with metadata error and error_body. Redirects are not followed. Only public addresses are reached, unless the operator allows others.',
  since: '0.2.0',
  outside: true,
  fields: {
    restEndpointUrlPattern: text(
      'URL; ${key} is metadata, $[key] the body. Values are percent-encoded, but for one that begins the URL.',
      { minLength: 1, examples: ['https://crm.example/meters/${deviceName}'] },
    ),
    requestMethod: oneOf('Method.', ['GET', 'POST', 'PUT', 'DELETE', 'PATCH'], { default: 'POST' }),
    headers: textMap('Headers, with placeholders.', { default: { 'Content-Type': 'application/json' } }),
    ignoreRequestBody: flag('Send no body.', { default: false }),
    requestBodyTemplate: optional(text('Body with placeholders, whose values are escaped for JSON. Absent: the body.')),
    parseToPlainText: flag('Send a body that is one JSON text as plain text.', { default: false }),
    readTimeoutMs: integer('Time for the answer, ms.', { default: 5_000, minimum: 1, maximum: 60_000 }),
    maxParallelRequestsCount: integer('Calls under way at most; more fail.', {
      default: 64,
      minimum: 1,
      maximum: 1_000,
    }),
    maxInMemoryBufferSizeInKb: integer('Largest answer, KiB.', { default: 256, minimum: 1, maximum: 16_384 }),
    credentials: json<Credentials>(
      'How the broker names itself.',
      {
        type: 'object',
        required: ['type'],
        properties: { type: { enum: ['anonymous', 'basic', 'bearer'] } },
        allOf: [
          credentialsOf('anonymous', {}),
          credentialsOf('basic', { username: { type: 'string', minLength: 1 }, password: SECRET }),
          credentialsOf('bearer', { token: SECRET }),
        ],
      },
      { default: { type: 'anonymous' } },
    ),
  },
  relations: ['Success'],
  examples: [
    {
      title: "A supplier's own system is asked about a meter",
      config: { restEndpointUrlPattern: 'https://crm.example/meters/${deviceName}', requestMethod: 'GET' },
      msg: { data: {}, metadata: { deviceName: 'meter 1' } },
      goesTo: 'Success',
    },
  ],
  *lint({ restEndpointUrlPattern: url, requestMethod, requestBodyTemplate, ignoreRequestBody, headers }) {
    const begins = /^(https?:\/\/[^/?#]+|[$][{[])/i;
    if (!begins.test(url)) yield { at: '/restEndpointUrlPattern', problem: 'is no http or https URL' };
    else if (hasPlaceholder(url.split('/').slice(0, 3).join('/'))) {
      const problem = 'what a message says decides which host is called';
      yield { at: '/restEndpointUrlPattern', problem, hint: 'write the host itself', level: 'warning' };
    }
    const place = begins.test(url) && !hasPlaceholder(url) ? uncallable(url) : undefined;
    if (place !== undefined) yield { at: '/restEndpointUrlPattern', ...place, level: 'warning' };
    for (const [name, value] of Object.entries(headers)) {
      const at = `/headers/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
      if (!HEADER_NAME.test(name)) yield { at, problem: 'is no name of a header: every call fails', level: 'warning' };
      else if (LINE_BREAK.test(value)) {
        yield { at, problem: 'a header has no line breaks: every call fails', level: 'warning' };
      }
    }
    if (/^http:/i.test(url)) {
      const problem = 'the call is not encrypted: whoever is on the way can read it';
      yield { at: '/restEndpointUrlPattern', problem, hint: 'use https', level: 'warning' };
    }
    const noBody = ignoreRequestBody || requestMethod === 'GET';
    if (noBody && requestBodyTemplate !== undefined) {
      yield { at: '/requestBodyTemplate', problem: 'no body is sent', level: 'warning' };
    }
  },
  create(config, loader) {
    const guard = createAddressGuard(loader.allowedHosts);
    const places = new Places(config.maxParallelRequestsCount);
    const url = compileTextWith(config.restEndpointUrlPattern, (value, at) =>
      at === 0 ? value : encodeURIComponent(value),
    );
    const headers = Object.entries(config.headers).map(([key, value]) => [key, compileText(value)] as const);
    const authorization = authorizationOf(config.credentials, loader);
    const body = bodyOf(config);
    const maxBytes = config.maxInMemoryBufferSizeInKb * 1024;
    const timeout = config.readTimeoutMs;
    const link = new Link<{ agent: Agent; request: typeof import('undici').request }>(
      async () => {
        const { Agent, request } = await import('undici');
        const agent = new Agent({
          connect: { lookup: guard.lookup, timeout },
          headersTimeout: timeout,
          bodyTimeout: timeout,
          maxResponseSize: maxBytes,
          connections: config.maxParallelRequestsCount,
        });
        return { agent, request };
      },
      ({ agent }) => agent.destroy(),
    );
    return {
      onMsg: (msg) =>
        places.with(async () => {
          const target = targetOf(url(msg), guard.refuse);
          const sent = config.requestMethod === 'GET' ? undefined : body(msg);
          const { agent, request } = await link.get();
          const asked = request(target, {
            dispatcher: agent,
            method: config.requestMethod,
            headers: {
              ...Object.fromEntries(headers.map(([key, value]) => [key, value(msg)])),
              ...(authorization === undefined ? {} : { authorization: authorization() }),
            },
            ...(sent === undefined ? {} : { body: sent }),
            signal: AbortSignal.timeout(timeout),
          });
          try {
            const answer = await asked;
            return answered(msg, answer, await answer.body.text());
          } catch (error) {
            throw withField(error, config);
          }
        }),
      close: () => link.close(),
    };
  },
});

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/; // RFC 9110 5.6.2
const LINE_BREAK = /[\r\n\0]/;

/** Why the URL is one that no call is made to. */
function uncallable(text: string): { readonly problem: string; readonly hint?: string } | undefined {
  if (!URL.canParse(text)) return { problem: 'is no URL: every call fails' };
  const { username, password } = new URL(text);
  if (username === '' && password === '') return undefined;
  return { problem: 'holds a user or password: every call fails', hint: 'write them into credentials' };
}

/** The field whose limit ended the call, in the place of the words of the client. */
function withField(error: unknown, limits: { readTimeoutMs: number; maxInMemoryBufferSizeInKb: number }): unknown {
  const { name, code = '' } = error as { readonly name?: string; readonly code?: string | number };
  if (name === 'TimeoutError' || /^UND_ERR_(?:CONNECT|HEADERS|BODY)_TIMEOUT$/.test(String(code)))
    return new NodeFailure(`no answer in ${limits.readTimeoutMs} ms (readTimeoutMs)`);
  if (code !== 'UND_ERR_RES_EXCEEDED_MAX_SIZE') return error;
  const { maxInMemoryBufferSizeInKb: most } = limits;
  return new NodeFailure(`the answer is larger than ${most} KiB (maxInMemoryBufferSizeInKb)`);
}

/** @throws NodeFailure for what is no URL that may be called. */
function targetOf(text: string, refuse: (host: string) => string | undefined): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') throw new NodeFailure('the URL is no http or https URL');
  if (url.username !== '' || url.password !== '') throw new NodeFailure('the URL must not hold a user or password');
  const problem = refuse(url.hostname);
  if (problem !== undefined) throw new NodeFailure(problem);
  return url;
}

function bodyOf(config: {
  readonly ignoreRequestBody: boolean;
  readonly requestBodyTemplate: string | undefined;
  readonly parseToPlainText: boolean;
}): (msg: Msg) => string | undefined {
  if (config.ignoreRequestBody) return () => undefined;
  const { requestBodyTemplate: template, parseToPlainText } = config;
  if (template !== undefined) return compileTextWith(template, (value) => JSON.stringify(value).slice(1, -1));
  return (msg) => payloadText(msg, parseToPlainText);
}

function authorizationOf(credentials: Credentials, { secret }: NodeLoader): (() => string) | undefined {
  if (credentials.type === 'anonymous') return undefined;
  if (credentials.type === 'bearer') {
    const token = secret(credentials.token);
    return () => `Bearer ${token.reveal()}`;
  }
  const password = secret(credentials.password);
  return () => `Basic ${Buffer.from(`${credentials.username}:${password.reveal()}`).toString('base64')}`;
}

interface Answer {
  readonly statusCode: number;
  readonly statusText: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

function answered(msg: Msg, answer: Answer, text: string) {
  const { statusCode, statusText } = answer;
  const headers = Object.entries(answer.headers).slice(0, MAX_HEADERS);
  const metadata = {
    ...msg.metadata,
    ...Object.fromEntries(headers.map(([key, value]) => [key, String(value)])),
    status: statusText === '' ? String(statusCode) : statusText.toUpperCase().replaceAll(' ', '_'),
    statusCode: String(statusCode),
    statusReason: statusText,
  };
  if (statusCode >= 300) {
    const error = `the service answered ${statusCode} ${statusText}`.trimEnd();
    return { relation: 'Failure' as const, msg: withMsg(msg, { metadata: { ...metadata, error, error_body: text } }) };
  }
  return { relation: 'Success' as const, msg: withMsg(msg, { data: jsonOrText(text), metadata }) };
}

function jsonOrText(text: string): JsonValue {
  if (text === '') return {};
  const parsed = parseJson(text, { maxDepth: MAX_DEPTH });
  return parsed.ok ? parsed.value : text;
}

function fromThingsBoard({ version, ...configuration }: RawConfig): RawConfig {
  const { credentials, queryParams, readTimeoutMs, maxParallelRequestsCount, requestBodyTemplate, ...rest } =
    withoutProxy(configuration);
  const { type = 'anonymous', username, password } = (credentials ?? {}) as Readonly<Record<string, unknown>>;
  if (type !== 'anonymous' && type !== 'basic') throw new NodeFailure(`credentials of type ${type} are not offered`);
  if (Array.isArray(queryParams) && queryParams.length > 0) {
    throw new NodeFailure('queryParams are not offered: write them into restEndpointUrlPattern');
  }
  return {
    ...rest,
    ...(readTimeoutMs === 0 || readTimeoutMs === undefined ? {} : { readTimeoutMs }),
    ...(maxParallelRequestsCount === 0 || maxParallelRequestsCount === undefined ? {} : { maxParallelRequestsCount }),
    ...(requestBodyTemplate === null || requestBodyTemplate === undefined ? {} : { requestBodyTemplate }),
    credentials: type === 'basic' ? { type, username, password } : { type },
  };
}

function withoutProxy(configuration: RawConfig): RawConfig {
  const { enableProxy, useSystemProxyProperties, proxyHost, proxyPort, proxyUser, proxyPassword, ...rest } =
    configuration;
  if (enableProxy === true) throw new NodeFailure('enableProxy is not offered');
  const { proxyScheme, useSimpleClientHttpFactory, ...plain } = rest;
  return plain;
}

function toThingsBoard(config: RawConfig): RawConfig {
  const { credentials = { type: 'anonymous' }, requestBodyTemplate = null } = config;
  const { type, password } = credentials as { readonly type: string; readonly password?: unknown };
  if (type === 'bearer') throw new NodeFailure('ThingsBoard has no credentials of type bearer');
  if (password !== undefined && typeof password !== 'string') {
    throw new NodeFailure('credentials.password is a reference: ThingsBoard holds passwords in clear');
  }
  return { ...config, credentials, requestBodyTemplate, queryParams: [], enableProxy: false };
}
