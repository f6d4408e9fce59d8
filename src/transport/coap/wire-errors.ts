import type { CloseReason, LoginRefusal, UplinkResult } from '../../device-api/index.ts';
import { type Answer, plain } from './answer.ts';
import { CODES } from './codec.ts';

/** What a refused login is answered with; `hang-up`: with nothing. */
const REFUSALS = {
  'bad-credentials': CODES.unauthorized,
  'bad-client-id': CODES.unauthorized,
  'not-authorized': CODES.unauthorized,
  unavailable: CODES.internalError,
  'rate-limited': CODES.internalError,
  'hang-up': undefined,
} as const satisfies Record<LoginRefusal, number | undefined>;

export function refusalOf(reason: LoginRefusal): Answer | undefined {
  const code = REFUSALS[reason];
  return code && plain(code);
}

/** The last notification of an observation that this side ends (RFC 7641 3.2). */
export const CLOSE_CODES = {
  'taken-over': CODES.unavailable,
  'credentials-changed': CODES.unauthorized,
  'device-deleted': CODES.notFound,
  'device-disabled': CODES.unauthorized,
  'shutting-down': CODES.unavailable,
  'refused-by-store': CODES.internalError,
  'rate-limited': CODES.internalError,
} as const satisfies Record<CloseReason, number>;

/** 2.01 only after the commit: every outcome of the message is durable then. ThingsBoard's 5.00 is also that of a rate limit. */
export function answerOf(result: UplinkResult | { readonly kind: 'no-method' }): Answer {
  switch (result.kind) {
    case 'stored':
      return plain(CODES.created);
    case 'invalid':
      return plain(CODES.badRequest, result.problem);
    case 'no-method':
      return plain(CODES.badRequest, 'the call has no "method"');
    case 'rate-limited':
      return plain(CODES.internalError, 'rate limit reached');
    case 'failed':
      return plain(CODES.internalError);
  }
}
