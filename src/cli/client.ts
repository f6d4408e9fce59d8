import { type JsonValue, parseJson, stringifyJson } from '../model/json.ts';
import { type AdminKey, findAdminKey, KEY_PLACES } from './admin-key.ts';
import type { Flag } from './command.ts';
import { CommandFailure, EXIT, type Io, UsageError } from './io.ts';
import { cleanLines } from './table.ts';

const DEFAULT_URL = 'http://127.0.0.1:8080';
const TIMEOUT_MS = 30_000;
/** Bodies nest 32 deep at most, in the envelope of their answer. */
const MAX_DEPTH = 64;

/** The flag of every command that talks to a running instance. */
export const urlFlag = {
  url: { type: 'string', value: '<url>', summary: `management API (GRIDMOOR_URL, ${DEFAULT_URL})` },
} as const satisfies Readonly<Record<string, Flag>>;

type Query = Readonly<Record<string, string | number | undefined>>;

/** A page as the management API and ThingsBoard give it. */
export interface Page<T> {
  readonly data: readonly T[];
  readonly totalElements: number;
  readonly hasNext: boolean;
}

/** The management API of one instance. Every failure is a CommandFailure that says what to do. */
export interface Client {
  readonly url: string;
  get<T>(path: string, query?: Query): Promise<T>;
  /** Like `get`, but undefined for 404. */
  find<T>(path: string, query?: Query): Promise<T | undefined>;
  post<T>(path: string, body?: unknown): Promise<T>;
  /** Replaces what has this ETag; `*` takes any, undefined is for what is new. */
  put<T>(path: string, body: unknown, ifMatch: string | undefined, query?: Query): Promise<T>;
  /** The ETag of what is there; undefined for 404. */
  etag(path: string): Promise<string | undefined>;
  /** Sends bytes as they come, for as long as it takes. */
  upload<T>(path: string, query: Query, bytes: AsyncGenerator<Uint8Array>): Promise<T>;
  /** The bytes of an answer, for as long as they come. */
  download(path: string): Promise<AsyncIterable<Uint8Array>>;
  delete<T>(path: string): Promise<T>;
}

export function createClient(io: Io, urlGiven: string | undefined): Client {
  const url = baseUrl(urlGiven ?? io.env.GRIDMOOR_URL ?? DEFAULT_URL);
  const admin = findAdminKey(io);

  function call(method: string, path: string, query: Query = {}, body?: unknown, ifMatch?: string): Promise<Response> {
    const headers = {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }),
    };
    const json = body === undefined ? {} : { body: stringifyJson(body as JsonValue) };
    return send(path, query, { method, signal: AbortSignal.timeout(TIMEOUT_MS), headers, ...json });
  }

  async function send(path: string, query: Query, init: RequestInit): Promise<Response> {
    const target = new URL(`${url}${path}`);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) target.searchParams.set(name, String(value));
    }
    try {
      return await fetch(target, {
        ...init,
        // A redirect would carry the key to another place.
        redirect: 'error',
        headers: {
          accept: 'application/json',
          ...(admin.key ? { authorization: `Bearer ${admin.key.reveal()}` } : {}),
          ...init.headers,
        },
      });
    } catch (error) {
      throw unreachable(url, error);
    }
  }

  async function read<T>(response: Response): Promise<T> {
    const text = await response.text().catch((error: unknown) => {
      throw unreachable(url, error);
    });
    if (!response.ok) throw refused(response.status, text, admin, url);
    if (text === '') return undefined as T;
    const answer = parseJson(text, { maxDepth: MAX_DEPTH });
    if (answer.ok) return answer.value as T;
    throw new CommandFailure(EXIT.unreachable, `${url} answers, but not as gridmoor does: is it another server?`);
  }

  return {
    url,
    get: async (path, query) => read(await call('GET', path, query)),
    async find(path, query) {
      const response = await call('GET', path, query);
      if (response.status !== 404) return read(response);
      await response.body?.cancel();
      return undefined;
    },
    put: async (path, body, ifMatch, query) => read(await call('PUT', path, query, body, ifMatch)),
    async etag(path) {
      const response = await call('GET', path);
      if (!response.ok && response.status !== 404) return read(response);
      await response.body?.cancel();
      return response.headers.get('etag') ?? undefined;
    },
    post: async (path, body) => read(await call('POST', path, {}, body ?? {})),
    async upload(path, query, bytes) {
      const headers = { 'content-type': 'application/octet-stream' };
      return read(
        await send(path, query, { method: 'POST', headers, body: ReadableStream.from(bytes), duplex: 'half' }),
      );
    },
    async download(path) {
      const response = await send(path, {}, { method: 'POST' });
      return response.ok && response.body ? piecesOf(response.body, url) : read(response);
    },
    delete: async (path) => read(await call('DELETE', path)),
  };
}

async function* piecesOf(body: AsyncIterable<Uint8Array>, url: string): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    throw new CommandFailure(EXIT.unreachable, `${url} broke off in the middle (${reasonOf(error)}).`);
  }
}

/** Template tag: the path as written, what stands in `${}` escaped as one segment. */
export function apiPath(path: readonly string[], ...names: readonly string[]): string {
  // Dots alone would be read as a step up, escaped or not.
  if (names.some((name) => /^\.{0,2}$/.test(name)))
    throw new UsageError('A name or id must not be empty, "." or "..".');
  return path.map((literal, index) => `${literal}${encodeURIComponent(names[index] ?? '')}`).join('');
}

function baseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new UsageError(`"${text}" is not an http or https URL, such as ${DEFAULT_URL}.`);
  }
  if (url.username !== '' || url.password !== '')
    throw new UsageError('The URL must not hold a user name or password.');
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

/**
 * Nobody answers: exit 3, and how to get someone to.
 * @param by what names the instance
 */
export function unreachable(url: string, error: unknown, by = '--url or GRIDMOOR_URL'): CommandFailure {
  const code = reasonOf(error);
  return new CommandFailure(
    EXIT.unreachable,
    `No answer from ${url} (${code}).\nStart the broker with: npx gridmoor serve\n` +
      `or name another instance with ${by}.`,
  );
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  if (cause instanceof AggregateError) return reasonOf(cause.errors[0]);
  if (!(cause instanceof Error)) return String(cause);
  if (cause.name === 'TimeoutError') return `nothing within ${TIMEOUT_MS / 1000} s`;
  return (cause as NodeJS.ErrnoException).code ?? cause.message;
}

interface Problem {
  readonly code?: unknown;
  readonly detail?: unknown;
  readonly title?: unknown;
  readonly message?: unknown;
}

function refused(status: number, text: string, admin: AdminKey, url: string): CommandFailure {
  if (status === 401) {
    const problem = admin.key ? `does not know the key from ${admin.from}` : `asks for a key, and ${admin.from}`;
    return new CommandFailure(EXIT.findings, `${url} ${problem}.\n${KEY_PLACES}`);
  }
  const problem = parseProblem(text);
  const words = [problem.detail, problem.title, problem.message].find((word) => typeof word === 'string');
  const code = typeof problem.code === 'string' ? `${problem.code}: ` : '';
  return new CommandFailure(EXIT.findings, cleanLines(`${code}${words ?? `the answer was HTTP ${status}`}`));
}

function parseProblem(text: string): Problem {
  try {
    const value: unknown = JSON.parse(text);
    return value !== null && typeof value === 'object' ? value : {};
  } catch {
    return {};
  }
}
