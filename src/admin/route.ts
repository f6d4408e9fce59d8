import type { JsonValue } from '../model/json.ts';
import type { LadderRole } from '../model/role.ts';
import type { Secret } from '../model/secret.ts';
import type { Principal } from '../registry/api-keys.ts';
import { type Config, type Fields, jsonSchemaOf } from '../schema/fields.ts';

export type JsonSchema = Readonly<Record<string, unknown>>;
type NoFields = Record<never, never>;

export type RouteRole = Exclude<LadderRole, 'supplier'> | 'anyone';
/** `device`: the device that `:id` names, when it is the supplier's; `own`: the handler gives what is the supplier's, no more. */
export type SupplierScope = 'device' | 'own';
/** What a handler gives instead of an answer for an address that keeps guessing: the connection is cut. */
export const HANG_UP = Symbol('hang up');

/** An answer with the ETag of the state it shows. */
export class Tagged {
  readonly etag: string;
  readonly body: unknown;

  constructor(etag: string, body: unknown) {
    this.etag = etag;
    this.body = body;
  }
}

/** One checked request. */
export interface Call<P, Q, B> {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  /** The body as it was sent, numbers exact: for routes with `anyObject`. */
  readonly json: JsonValue;
  /** Who asks, for the audit. */
  readonly by: string;
  readonly principal: Principal;
  /** The key or token of the request. */
  readonly key: Secret | undefined;
  /** Address of the peer. */
  readonly address: string;
  /** The header If-Match, as it was sent. */
  readonly ifMatch: string | undefined;
}

interface RouteSpec<P extends Fields, Q extends Fields, B extends Fields> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** `:name` for parameters. */
  readonly url: string;
  readonly tag: string;
  readonly summary: string;
  /** The least role that may; `anyone`: no key is asked for. */
  readonly role: RouteRole;
  /** Set where suppliers may, too. */
  readonly supplier?: SupplierScope;
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  /** The body is any JSON object, such as attributes. */
  readonly anyObject?: boolean;
  /** The body is what people edit: a key that stands twice in its object is refused. */
  readonly uniqueKeys?: boolean;
  /** The body is any JSON: the handler reads `json`. */
  readonly anyJson?: boolean;
  /** A path of ThingsBoard's: unknown query parameters and members are ignored, repeated parameters joined, as it does. */
  readonly lenient?: boolean;
  /** Status of the good answer; 204 has no body. Default 200. */
  readonly status?: 200 | 201 | 204;
  /** Schema of the good answer, for the OpenAPI page. */
  readonly answer: JsonSchema;
  /** Gives JSON (`undefined` = an empty body); throws BrokerError. */
  handle(call: Call<Config<P>, Config<Q>, Config<B>>): Promise<unknown>;
}

/** A route with its types erased. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly url: string;
  readonly role: RouteRole;
  readonly supplier: SupplierScope | undefined;
  readonly status: 200 | 201 | 204;
  readonly uniqueKeys: boolean;
  readonly schema: {
    readonly tags: readonly string[];
    readonly summary: string;
    readonly security?: readonly [];
    readonly params: JsonSchema;
    readonly querystring: JsonSchema;
    readonly body?: JsonSchema;
    readonly response: Readonly<Record<string, JsonSchema>>;
  };
  handle(call: Call<unknown, unknown, unknown>): Promise<unknown>;
}

/** A route of the management API with the schemas that check it and describe it. */
export function defineRoute<P extends Fields = NoFields, Q extends Fields = NoFields, B extends Fields = NoFields>(
  spec: RouteSpec<P, Q, B>,
): Route {
  const { method, url, tag, summary, role, status = 200, uniqueKeys = false, answer } = spec;
  const open = spec.lenient ? { additionalProperties: true } : {};
  const body = spec.anyJson
    ? {}
    : spec.anyObject
      ? { type: 'object' }
      : spec.body
        ? { ...jsonSchemaOf(spec.body), ...open }
        : undefined;
  return {
    method,
    url,
    role,
    supplier: spec.supplier,
    status,
    uniqueKeys,
    schema: {
      tags: [tag],
      summary,
      ...(role === 'anyone' ? { security: [] } : {}),
      params: jsonSchemaOf(spec.params ?? {}),
      querystring: { ...jsonSchemaOf(spec.query ?? {}), ...open },
      ...(body ? { body } : {}),
      response: { [status]: answer, ...REFUSALS },
    },
    handle: (call) => spec.handle(call as Call<Config<P>, Config<Q>, Config<B>>),
  };
}

const PROBLEM = {
  type: 'object',
  required: ['type', 'title', 'status', 'code', 'detail'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string' },
    detail: { type: 'string' },
    at: { type: 'string' },
    message: { type: 'string' },
    errorCode: { type: 'integer' },
    timestamp: { type: 'integer' },
  },
} as const satisfies JsonSchema;

const refusal = {
  description:
    "What is wrong, after RFC 9457; `code` is stable, `at` names the field. On ThingsBoard's paths also its `message`, `errorCode` and `timestamp`.",
  content: { 'application/problem+json': { schema: PROBLEM } },
};

/** What every refused request gets, for the OpenAPI page. */
export const REFUSALS = { '4XX': refusal, '5XX': refusal } as const;
