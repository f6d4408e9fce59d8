/** The closed catalogue: stable code -> one sentence. Wire numbers belong to the fronts (`wire-errors.ts`). */
export const ERROR_CODES = {
  BAD_REQUEST: 'The request is not of the form this interface takes.',
  VALIDATION_FAILED: 'The payload could not be read as what its topic or path asks for.',
  PAYLOAD_TOO_LARGE: 'The payload is larger than this interface accepts.',
  UNAUTHORIZED: 'No valid key was given.',
  TOKEN_EXPIRED: 'The token has expired: fetch a new one with the refresh token.',
  FORBIDDEN: 'The key does not allow this.',
  NOT_FOUND: 'There is no such thing.',
  NOT_OFFERED: 'This path is not offered.',
  DEVICE_NOT_FOUND: 'There is no such device.',
  SUPPLIER_NOT_FOUND: 'There is no such supplier.',
  ATTACHMENT_NOT_FOUND: 'The device has no such attachment.',
  DEVICE_STATE: 'The device is in a state in which this cannot be done.',
  PROFILE_NOT_FOUND: 'There is no such device profile.',
  CLAIM_FAILED: 'The device offers no claim with this secret now.',
  ALREADY_CLAIMED: 'The device has a customer already.',
  CHAIN_NOT_FOUND: 'There is no such rule chain.',
  PRECONDITION_REQUIRED: 'The request must say which state it changes.',
  PRECONDITION_FAILED: 'The state that the request would change is another one meanwhile.',
  NAME_TAKEN: 'The name is already in use.',
  CREDENTIALS_TAKEN: 'The credentials are already in use by another device.',
  CREDENTIALS_INVALID: 'The credentials are incomplete or malformed.',
  SUPPLIER_IN_USE: 'Devices are attached to this supplier.',
  SUPPLY_POINT_TAKEN: 'The supply point already has an active attachment.',
  RATE_LIMITED: 'Too many requests: wait before the next one.',
  ALARM_LIMIT: 'No more alarms fit: none has ended that could make room.',
  QUEUE_FULL: 'Too many messages of this originator are waiting.',
  DEADLINE_EXCEEDED: 'The message was not finished in time.',
  RPC_TIMEOUT: 'The device did not answer the call in time.',
  RPC_NO_SESSION: 'The device was not there within the time of the call.',
  RPC_TIMEOUT_PLUGIN: 'The device did not answer the call in time (paths of /api/plugins/rpc).',
  RPC_NO_SESSION_PLUGIN: 'The device was not there within the time of the call (paths of /api/plugins/rpc).',
  RPC_NOT_JSON: 'The device answered the call with something that is not JSON.',
  RECORDING_RUNS: 'Another recording is running.',
  REST_TIMEOUT: 'The chains did not answer the request in time.',
  EVENT_LIMIT: 'The chains raised events from events without end.',
  STEP_LIMIT: 'The message visited more nodes than its budget allows.',
  NODE_FAILED: 'A rule node failed.',
  CONFIG_INVALID: 'The configuration is not valid.',
  FILE_INVALID: 'A file could not be read or is not valid.',
  STORE_UNAVAILABLE: 'The store did not take the write.',
  SESSION_MOVED: 'The device has a newer session at another instance.',
  STORE_LOCKED: 'Another process uses this data directory.',
  STORE_VERSION: 'The data directory was written by another version.',
  STORE_CORRUPT: 'The data directory cannot be read.',
  SECRET_KEY_MISMATCH: 'The instance key is not the one this data was written with.',
  SHUTTING_DOWN: 'The instance is shutting down.',
  INTERNAL: 'An unexpected fault.',
} as const satisfies Record<string, string>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** Facts of one error, for the message and the log. Never a secret, never a whole supply point code. */
export type ErrorFacts = Readonly<Record<string, string | number | boolean | undefined>>;

/**
 * The one error class. Code first in the message, the facts behind it; the raw cause is kept for the log and off the wire.
 */
export class BrokerError extends Error {
  readonly code: ErrorCode;
  readonly facts: ErrorFacts;

  constructor(code: ErrorCode, facts: ErrorFacts = {}, options?: { cause?: unknown }) {
    super(`${code}: ${describe(code, facts)}`, options);
    this.name = 'BrokerError';
    this.code = code;
    this.facts = facts;
  }

  /** What a person reads on the wire: the `detail` fact when there is one, else the catalogue's sentence. */
  get detail(): string {
    return typeof this.facts.detail === 'string' ? this.facts.detail : ERROR_CODES[this.code];
  }

  /** Turns any caught thing into a BrokerError; an unknown one becomes INTERNAL with its cause kept. */
  static from(thing: unknown, code: ErrorCode = 'INTERNAL'): BrokerError {
    if (thing instanceof BrokerError) return thing;
    return new BrokerError(code, {}, { cause: thing });
  }
}

function describe(code: ErrorCode, facts: ErrorFacts): string {
  const rest = Object.entries(facts)
    .filter(([key, value]) => key !== 'detail' && value !== undefined)
    .map(([key, value]) => `${key}=${String(value)}`)
    .join(' ');
  const sentence = typeof facts.detail === 'string' ? facts.detail : ERROR_CODES[code];
  return rest ? `${sentence} (${rest})` : sentence;
}
