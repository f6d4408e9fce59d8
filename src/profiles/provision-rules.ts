import type { Secret } from '../model/secret.ts';
import { type Config, flag, integer, json, jsonSchemaOf, oneOf, optional, text } from '../schema/fields.ts';
import type { Issue } from '../schema/issue.ts';
import { resolveSecretRef, type SecretRef, type SecretRefOptions, secretRefSchema } from '../schema/secret-ref.ts';

/** Rules of provisioning besides strategy, key and secret (registration-protocols 3.3, 4). */

export interface PreviousSecretSpec {
  readonly secret: SecretRef;
  readonly until: string;
}

const TIME = '^\\d{4}-\\d{2}-\\d{2}(T\\d{2}:\\d{2}(:\\d{2}(\\.\\d{1,3})?)?(Z|[+-]\\d{2}:\\d{2}))?$';

/** ms since 1970; NaN for a day that no calendar has, which `Date` counts on from: February 31 is March 3. */
export function parseTime(time: string): number {
  const [year = 0, month = 0, day = 0] = time.slice(0, 10).split('-').map(Number);
  return new Date(Date.UTC(year, month - 1, day)).getUTCDate() === day ? Date.parse(time) : Number.NaN;
}

export const DERIVED_KEYS = ['off', 'allowed', 'required'] as const;

export const proofFields = {
  requireSignature: flag('Whether the secret itself is refused: requests must be signed with it.', { default: false }),
  skewSeconds: integer("How far a device's clock may be off when it signs.", {
    minimum: 1,
    maximum: 86_400,
    default: 300,
  }),
  challenge: flag('Whether devices without a clock may sign a challenge of the broker instead.', { default: true }),
  derivedKeys: oneOf(
    'Keys derived from the secret for one device: `off` = the secret alone signs, `required` = they alone sign, so that no device holds the secret.',
    DERIVED_KEYS,
    { default: 'allowed' },
  ),
};

/** Which serials may get in. */
export const LIST_MODES = ['off', 'serials', 'hashed-serials'] as const;
export type ListMode = (typeof LIST_MODES)[number];

const listFields = {
  mode: oneOf(
    'Who may get in: `off` = every serial, `serials` = those imported with `gridmoor serials import`, `hashed-serials` = the same, kept as SHA-256.',
    LIST_MODES,
    { default: 'off' },
  ),
};

const timeText = (what: string) => optional(text(`${what} 2030-01-01 or 2030-01-01T00:00:00Z.`, { pattern: TIME }));
const windowFields = {
  from: timeText('Devices get in from then on:'),
  until: timeText('Devices get in before then:'),
};

const hookFields = {
  chain: text('The chain that decides of each request: it gets PROVISION_REQUEST and answers through `rest/reply`.', {
    minLength: 1,
  }),
  timeoutMs: integer('How long it may take; without an answer the request is refused.', {
    minimum: 50,
    maximum: 60_000,
    default: 5_000,
  }),
};

const endpointFields = {
  mqtt: optional(text('Address of the broker for MQTT.', { minLength: 1, examples: ['mqtts://iot.example.org:8883'] })),
  http: optional(text('Address of the broker for HTTP.', { minLength: 1, examples: ['https://iot.example.org'] })),
};

const bootstrapFields = {
  groupId: text('The group that devices name. Unique over all profiles.', { minLength: 1 }),
  secret: json<SecretRef>('The password of the group.', secretRefSchema('unset, the profile is refused')),
  content: text('What devices hash, in its order; the vendor documents none.', {
    pattern: '\\{secret\\}',
    default: '{secret}{serial}{timestamp}',
  }),
  skewSeconds: integer("How far a device's clock may be off when it signs.", {
    minimum: 1,
    maximum: 315_360_000,
    default: 300,
  }),
};

export const provisionRuleFields = {
  previousSecret: optional(
    json<PreviousSecretSpec>('The secret before this one, which works until its end.', {
      type: 'object',
      additionalProperties: false,
      required: ['secret', 'until'],
      properties: {
        secret: secretRefSchema('unset, the profile is refused'),
        until: { description: 'When it stops working: 2030-01-01T00:00:00Z.', type: 'string', pattern: TIME },
      },
    }),
  ),
  proof: optional(json<Config<typeof proofFields>>('How requests prove that they may.', jsonSchemaOf(proofFields))),
  allowList: optional(json<Config<typeof listFields>>('Serials that may get in.', jsonSchemaOf(listFields))),
  window: optional(json<Config<typeof windowFields>>('When devices may get in.', jsonSchemaOf(windowFields))),
  endpoints: optional(
    json<Config<typeof endpointFields>>(
      'Where devices connect, as they are told at a bootstrap.',
      jsonSchemaOf(endpointFields),
    ),
  ),
  bootstrap: optional(
    json<Config<typeof bootstrapFields>>(
      'Devices of EnOS that know their group alone: `POST /dps/bootstrap` tells them where to connect, and their secret.',
      jsonSchemaOf(bootstrapFields),
    ),
  ),
  hook: optional(json<Config<typeof hookFields>>('Who decides of each request.', jsonSchemaOf(hookFields))),
};

const allFields = provisionRuleFields;
export type ProvisionRulesDraft = Partial<Config<typeof allFields>> & {
  readonly perMinutePerAddress?: number | undefined;
};

/** The rules in force. */
export interface ProvisionRules {
  readonly previousSecret?: { readonly secret: Secret; readonly until: number };
  readonly proof: {
    readonly requireSignature: boolean;
    readonly skewMs: number;
    readonly challenge: boolean;
    readonly derivedKeys: (typeof DERIVED_KEYS)[number];
  };
  readonly allowList: ListMode;
  /** Requests of one address in a minute; absent = no limit. */
  readonly perMinutePerAddress?: number;
  /** ms since 1970. */
  readonly window?: { readonly from: number; readonly until: number };
  readonly hook?: { readonly chain: string; readonly timeoutMs: number };
  readonly endpoints?: { readonly mqtt?: string; readonly http?: string };
  /** `content`: the order of `{secret}`, `{serial}` and `{timestamp}`. */
  readonly bootstrap?: {
    readonly groupId: string;
    readonly secret: Secret;
    readonly content: string;
    readonly skewMs: number;
  };
}

/** What stands when a profile says nothing. */
export const NO_RULES: ProvisionRules = {
  proof: { requireSignature: false, skewMs: 300_000, challenge: true, derivedKeys: 'allowed' },
  allowList: 'off',
};

/** Rules of a native file in force; undefined after reported errors. `native`: the profile has a provision secret. */
export function resolveProvisionRules(
  draft: ProvisionRulesDraft,
  native: boolean,
  options: SecretRefOptions & { chainName?(ref: string): string | undefined },
  report: (finding: Omit<Issue, 'file'>) => void,
): ProvisionRules | undefined {
  let failed = false;
  const error = (at: string, rule: string, problem: string): void => {
    failed = true;
    report({ at: `/provision/${at}`, rule, level: 'error', problem });
  };
  for (const field of ['previousSecret', 'proof'] as const) {
    if (!native && draft[field]) error(field, 'ignored-field', 'is of native profiles');
  }
  const { endpoints, bootstrap: group } = draft;
  if (group && native) error('bootstrap', 'ignored-field', 'is of profiles with the dialect "enos"');
  if (group && !endpoints?.mqtt) error('endpoints/mqtt', 'missing-endpoint', 'a bootstrap tells devices the address');
  if (endpoints && !group) error('endpoints', 'ignored-field', 'is told at a bootstrap, which is not configured');
  const bootstrap = group && bootstrapOf(group, options, error);
  const previousSecret = draft.previousSecret && previousOf(draft.previousSecret, options, error);
  const window = draft.window && windowOf(draft.window, error);
  const { proof, hook } = draft;
  const chain = hook && (options.chainName ? options.chainName(hook.chain) : hook.chain);
  if (hook && chain === undefined) {
    error('hook/chain', 'unknown-chain', `there is no rule chain ${JSON.stringify(hook.chain)} that could decide`);
  }
  if (failed) return undefined;
  return {
    ...(previousSecret ? { previousSecret } : {}),
    proof: proof ? proofOf(proof) : NO_RULES.proof,
    allowList: draft.allowList?.mode ?? 'off',
    ...(draft.perMinutePerAddress === undefined ? {} : { perMinutePerAddress: draft.perMinutePerAddress }),
    ...(window ? { window } : {}),
    ...(endpoints ? { endpoints: withoutAbsent(endpoints) } : {}),
    ...(bootstrap ? { bootstrap } : {}),
    ...(hook && chain !== undefined ? { hook: { chain, timeoutMs: hook.timeoutMs } } : {}),
  };
}

const proofOf = ({ skewSeconds, ...proof }: Config<typeof proofFields>): ProvisionRules['proof'] => ({
  ...proof,
  skewMs: skewSeconds * 1_000,
});

function windowOf(
  { from, until }: Config<typeof windowFields>,
  error: (at: string, rule: string, problem: string) => void,
): ProvisionRules['window'] {
  const window = {
    from: from === undefined ? Number.NEGATIVE_INFINITY : parseTime(from),
    until: until === undefined ? Number.POSITIVE_INFINITY : parseTime(until),
  };
  for (const end of ['from', 'until'] as const) {
    if (Number.isNaN(window[end])) error(`window/${end}`, 'invalid-time', 'is no such time');
  }
  if (window.from >= window.until) error('window', 'invalid-time', 'ends before it begins: no device could get in');
  return window;
}

function previousOf(
  { secret: ref, until }: PreviousSecretSpec,
  options: SecretRefOptions,
  error: (at: string, rule: string, problem: string) => void,
): ProvisionRules['previousSecret'] {
  const end = parseTime(until);
  if (Number.isNaN(end)) error('previousSecret/until', 'invalid-time', 'is no such time');
  const secret = secretOf(ref, 'previousSecret/secret', options, error);
  return secret && { secret, until: end };
}

function bootstrapOf(
  { secret: ref, skewSeconds, ...rest }: Config<typeof bootstrapFields>,
  options: SecretRefOptions,
  error: (at: string, rule: string, problem: string) => void,
): ProvisionRules['bootstrap'] {
  const other = rest.content.match(/\{(?!(?:secret|serial|timestamp)\})[^{}]*\}/)?.[0];
  if (other) error('bootstrap/content', 'unknown-word', `${other} is none of {secret}, {serial} and {timestamp}`);
  const secret = secretOf(ref, 'bootstrap/secret', options, error);
  return secret && { ...rest, secret, skewMs: skewSeconds * 1_000 };
}

const withoutAbsent = ({ mqtt, http }: Config<typeof endpointFields>): NonNullable<ProvisionRules['endpoints']> => ({
  ...(mqtt === undefined ? {} : { mqtt }),
  ...(http === undefined ? {} : { http }),
});

function secretOf(
  ref: SecretRef,
  at: string,
  options: SecretRefOptions,
  error: (at: string, rule: string, problem: string) => void,
): Secret | undefined {
  const resolved = resolveSecretRef(ref, options);
  if (resolved.kind === 'known') return resolved.secret;
  const problem =
    resolved.kind === 'unset'
      ? `the environment variable ${resolved.variable} (or ${resolved.variable}_FILE) is not set`
      : resolved.problem;
  error(at, 'missing-secret', problem);
  return undefined;
}
