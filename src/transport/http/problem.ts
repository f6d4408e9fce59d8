import { BrokerError, ERROR_CODES, type ErrorCode } from '../../errors.ts';
import { HTTP_STATUS } from './wire-errors.ts';

export const PROBLEM_TYPE = 'application/problem+json';

/** An error answer after RFC 9457. `code` is stable; `at` names the field or parameter that is wrong. */
export interface Problem {
  readonly type: 'about:blank';
  readonly title: string;
  readonly status: number;
  readonly code: ErrorCode;
  readonly detail: string;
  readonly at?: string;
}

export interface ThingsBoardProblem extends Problem {
  readonly message: string;
  readonly errorCode: number;
  readonly timestamp: number;
}

/** ThingsBoard's number of what has none of the others. */
const GENERAL = 2;
/** Where ThingsBoard has a number of its own for what has no status of its own: expired token, too many entities. */
const CODE_NUMBERS: Readonly<Partial<Record<ErrorCode, number>>> = { TOKEN_EXPIRED: 11, ALARM_LIMIT: 41 };
/** ThingsBoard's numbers (ThingsboardErrorCode): authentication, permission, arguments, not found, too many requests. */
const STATUS_NUMBERS: Readonly<Record<number, number>> = {
  400: 31,
  401: 10,
  403: 20,
  404: 32,
  406: 31,
  409: 31,
  413: 31,
  415: 31,
  429: 33,
};

export interface ProblemReport {
  readonly problem: Problem;
  /** Whether the fault is ours: the log gets the error then, with its cause. */
  readonly ours: boolean;
  readonly error: BrokerError;
}

/** What Fastify itself refuses. Its own messages quote the request, so none of them is passed on. */
const FASTIFY_DETAILS: Readonly<Record<string, { readonly code: ErrorCode; readonly detail: string }>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: { code: 'PAYLOAD_TOO_LARGE', detail: ERROR_CODES.PAYLOAD_TOO_LARGE },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    code: 'BAD_REQUEST',
    detail: 'the body must be JSON: Content-Type: application/json',
  },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: { code: 'BAD_REQUEST', detail: 'the body does not have its Content-Length' },
  FST_ERR_BAD_URL: { code: 'BAD_REQUEST', detail: 'the path is not valid percent-encoded UTF-8' },
  FST_ERR_MAX_PARAM_LENGTH: { code: 'BAD_REQUEST', detail: 'a part of the path is too long' },
  FST_ERR_REOPENED_CLOSE_SERVER: { code: 'SHUTTING_DOWN', detail: ERROR_CODES.SHUTTING_DOWN },
};

/** Statuses of 500 and more that say nothing of a fault here: a device that is not there, an instance that goes. */
const NOT_OURS: ReadonlySet<ErrorCode> = new Set(['SHUTTING_DOWN', 'RPC_TIMEOUT', 'RPC_NO_SESSION']);

/** Turns any caught thing into an answer without its cause, and says whether to log it as our fault. */
export function toProblem(thing: unknown): ProblemReport {
  const error = toBrokerError(thing);
  const status = clientStatus(thing) ?? HTTP_STATUS[error.code];
  const ours = status >= 500 && !NOT_OURS.has(error.code);
  const field = error.facts.field;
  return {
    problem: {
      type: 'about:blank',
      title: ERROR_CODES[error.code],
      status,
      code: error.code,
      detail: error.detail,
      ...(typeof field === 'string' ? { at: field } : {}),
    },
    ours,
    error,
  };
}

function toBrokerError(thing: unknown): BrokerError {
  if (thing instanceof BrokerError) return thing;
  const code = codeOf(thing);
  const known = Object.hasOwn(FASTIFY_DETAILS, code) ? FASTIFY_DETAILS[code] : undefined;
  if (known) return new BrokerError(known.code, { detail: known.detail });
  if (clientStatus(thing) !== undefined) return new BrokerError('BAD_REQUEST');
  if (brokeOff(thing)) return new BrokerError('BAD_REQUEST', { detail: 'the connection ended before the body did' });
  return BrokerError.from(thing);
}

const codeOf = (thing: unknown): string => {
  const code = thing instanceof Error ? (thing as NodeJS.ErrnoException).code : undefined;
  return typeof code === 'string' ? code : '';
};

/** A peer that goes in the middle of its body: Fastify marks the error of the socket with 400. */
const brokeOff = (thing: unknown): boolean =>
  codeOf(thing) === 'ECONNRESET' && (thing as { statusCode?: unknown }).statusCode === 400;

/**
 * The members that ThingsBoard's own clients read of an error, beside ours: `message`, its number of the error, and the time in
 * milliseconds since 1970. For its paths; ours (`/api/gridmoor`) and the device API's have none.
 */
export function withThingsBoardMembers(problem: Problem, now: number): ThingsBoardProblem {
  const errorCode = CODE_NUMBERS[problem.code] ?? STATUS_NUMBERS[problem.status] ?? GENERAL;
  return { ...problem, message: problem.detail, errorCode, timestamp: now };
}

/** Whether a path is one of ThingsBoard's REST API. */
export const isThingsBoardPath = (url: string): boolean => /^\/api\/(?!gridmoor(?:[/?]|$)|v1(?:[/?]|$))/.test(url);

/** Fastify's own finer status (415, 414) of a request it refused; BrokerErrors have theirs from the table. */
function clientStatus(thing: unknown): number | undefined {
  if (thing instanceof BrokerError || !(thing instanceof Error) || !codeOf(thing).startsWith('FST_')) return undefined;
  const status = (thing as { statusCode?: unknown }).statusCode;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : undefined;
}
