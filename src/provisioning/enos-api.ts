import { randomUUID } from 'node:crypto';
import { ENOS_API_CODES, type EnosApiCode } from '../dialects/wire/codes.ts';
import { BrokerError, type ErrorCode } from '../errors.ts';
import { isJsonObject, type JsonObject, parseJson } from '../model/json.ts';
import { formatItem, refused, type ServiceOperations, type ServiceResult, WrongArgument } from './service-call.ts';
import type { ServiceTokens } from './service-tokens.ts';

/** A call as it came over HTTP. */
export interface ApiRequest {
  /** Decoded, in the order of the URL. */
  readonly query: readonly (readonly [string, string])[];
  /** As text, byte for byte: it is signed. */
  readonly body: string;
  readonly accessToken: string;
  readonly signature: string;
  readonly timestamp: string;
  readonly address: string;
  readonly secure: boolean;
}

export interface ApiAnswer {
  readonly status: 200 | 400 | 401 | 403 | 429;
  readonly body: JsonObject;
  /** Who knows no secret: such peers are slowed down. */
  readonly guess: boolean;
}

/** EnOS' REST API for apps with a service account (registration-protocols 1.3). Rejects only when the store fails. */
export interface EnosApi {
  token(body: string): Promise<ApiAnswer>;
  devices(request: ApiRequest): Promise<ApiAnswer>;
  certificates(request: ApiRequest): Promise<ApiAnswer>;
}

export interface EnosApiParts {
  readonly tokens: ServiceTokens;
  /** By the `action` of the query. */
  readonly devices: ServiceOperations;
  readonly certificates: ServiceOperations;
}

const LIMITS = { maxDepth: 16, maxKeys: 10_000 };

export function createEnosApi({ tokens, devices, certificates }: EnosApiParts): EnosApi {
  const call = async (operations: ServiceOperations, request: ApiRequest): Promise<ApiAnswer> => {
    const checked = await tokens.check(request);
    if (checked.kind === 'expired') return answer(refused('tokenExpired', 'the token is not valid, or no more'));
    if (checked.kind === 'wrong-signature') return answer(refused('wrongSignature', 'the signature is wrong'), true);
    const query = new Map(request.query);
    const action = query.get('action') ?? '';
    const operation = Object.hasOwn(operations, action) ? operations[action] : undefined;
    const body = bodyOf(request.body);
    if (query.size !== request.query.length) return answer(refused('invalidArguments', 'a parameter is given twice'));
    if (!operation) return answer(refused('invalidArguments', 'action is none of this path'));
    if (!body) return answer(refused('invalidArguments', 'the body is no JSON object'));
    if (!query.get('orgId')) return answer(refused('invalidArguments', 'orgId is missing'));
    const { address, secure } = request;
    return answer(await operation({ account: checked.account, query, body, address, secure }).catch(refusalOf));
  };

  return {
    async token(text) {
      const body = bodyOf(text);
      if (!body) return tokenAnswer('badParameter', 'the body is no JSON object');
      const [appKey, encryption, timestamp] = ['appKey', 'encryption', 'timestamp'].map((name) =>
        tokenField(body, name),
      );
      if (appKey === undefined || encryption === undefined || timestamp === undefined) {
        return tokenAnswer('badParameter', 'appKey, encryption and timestamp must be texts');
      }
      if (appKey === '' || encryption === '' || timestamp === '') {
        return tokenAnswer('emptyParameter', 'appKey, encryption and timestamp must be given');
      }
      const issued = await tokens.issue({ appKey, encryption, timestamp });
      if (issued.kind === 'refused') {
        const guess = issued.code !== ENOS_API_CODES.replayedToken;
        return { status: 200, body: { status: issued.code, msg: TOKEN_MESSAGES[issued.code] }, guess };
      }
      const data = { accessToken: issued.accessToken, expire: issued.expireSeconds };
      return { status: 200, body: { status: ENOS_API_CODES.ok, msg: 'SUCCESS', data }, guess: false };
    },

    devices: (request) => call(devices, request),
    certificates: (request) => call(certificates, request),
  };
}

const TOKEN_MESSAGES = {
  [ENOS_API_CODES.replayedToken]: 'the encryption has been used before',
  [ENOS_API_CODES.unknownKey]: 'the appKey is not known',
  [ENOS_API_CODES.wrongEncryption]: 'the encryption is wrong',
} as const;

/** An empty body is `{}`; undefined for what is no JSON object. */
function bodyOf(text: string): JsonObject | undefined {
  if (text === '') return {};
  const parsed = parseJson(text, LIMITS);
  return parsed.ok && isJsonObject(parsed.value) ? parsed.value : undefined;
}

const MAX_FIELD = 256;

/** Numbers are taken, too: some clients send the time as one. */
function tokenField(body: JsonObject, name: string): string | undefined {
  const value = Object.hasOwn(body, name) ? body[name] : '';
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
  return typeof value === 'string' && value.length <= MAX_FIELD ? value : undefined;
}

const tokenAnswer = (code: EnosApiCode, msg: string): ApiAnswer => ({
  status: 200,
  body: { status: ENOS_API_CODES[code], msg },
  guess: false,
});

/** What EnOS documents comes with 200, as its clients read the code. */
const STATUS = { wrongSignature: 401, notPermitted: 403 } as const;

function answer(result: ServiceResult, guess = false): ApiAnswer {
  const status = result.kind === 'refused' && result.code in STATUS ? STATUS[result.code as keyof typeof STATUS] : 200;
  const { code, msg, ...rest } = formatItem(result);
  return { status, body: { code, msg, requestId: randomUUID(), ...rest } as JsonObject, guess };
}

const REFUSALS: Readonly<Partial<Record<ErrorCode, Exclude<EnosApiCode, 'ok'>>>> = {
  BAD_REQUEST: 'invalidArguments',
  CREDENTIALS_INVALID: 'invalidArguments',
  DEVICE_STATE: 'invalidArguments',
  RATE_LIMITED: 'quotaReached',
  NAME_TAKEN: 'deviceExists',
  CREDENTIALS_TAKEN: 'deviceExists',
  DEVICE_NOT_FOUND: 'notFound',
};

/** What the caller can mend; the rest is ours, and thrown on. */
function refusalOf(error: unknown): ServiceResult {
  if (error instanceof WrongArgument) return error.refusal;
  const code = error instanceof BrokerError ? REFUSALS[error.code] : undefined;
  if (error instanceof BrokerError && code !== undefined) return refused(code, error.detail);
  throw error;
}
