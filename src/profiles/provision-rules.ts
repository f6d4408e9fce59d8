import type { Secret } from '../model/secret.ts';
import { type Config, flag, integer, json, jsonSchemaOf, oneOf, optional } from '../schema/fields.ts';
import { resolveSecretRef, type SecretRef, type SecretRefOptions, secretRefSchema } from '../schema/secret-ref.ts';
import type { Report } from './profile-draft.ts';

/** Rules of provisioning besides strategy, key and secret (registration-protocols 3.3, 4). */

export interface PreviousSecretSpec {
  readonly secret: SecretRef;
  readonly until: string;
}

const TIME = '^\\d{4}-\\d{2}-\\d{2}(T\\d{2}:\\d{2}(:\\d{2}(\\.\\d{1,3})?)?(Z|[+-]\\d{2}:\\d{2}))?$';

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
};

const allFields = provisionRuleFields;
export type ProvisionRulesDraft = Partial<Config<typeof allFields>>;

/** The rules in force. */
export interface ProvisionRules {
  readonly previousSecret?: { readonly secret: Secret; readonly until: number };
  readonly proof: {
    readonly requireSignature: boolean;
    readonly skewMs: number;
    readonly challenge: boolean;
    readonly derivedKeys: (typeof DERIVED_KEYS)[number];
  };
}

/** What stands when a profile says nothing. */
export const NO_RULES: ProvisionRules = {
  proof: { requireSignature: false, skewMs: 300_000, challenge: true, derivedKeys: 'allowed' },
};

/** Rules of a native file in force; undefined after reported errors. `native`: the profile has a provision secret. */
export function resolveProvisionRules(
  draft: ProvisionRulesDraft,
  native: boolean,
  options: SecretRefOptions,
  report: Report,
): ProvisionRules | undefined {
  let failed = false;
  const error = (at: string, rule: string, problem: string): void => {
    failed = true;
    report({ at: `/provision/${at}`, rule, level: 'error', problem });
  };
  for (const field of ['previousSecret', 'proof'] as const) {
    if (!native && draft[field]) error(field, 'ignored-field', 'is of native profiles');
  }
  const previousSecret = draft.previousSecret && previousOf(draft.previousSecret, options, error);
  if (failed) return undefined;
  const { proof } = draft;
  return {
    ...(previousSecret ? { previousSecret } : {}),
    proof: proof ? proofOf(proof) : NO_RULES.proof,
  };
}

const proofOf = ({ skewSeconds, ...proof }: Config<typeof proofFields>): ProvisionRules['proof'] => ({
  ...proof,
  skewMs: skewSeconds * 1_000,
});

function previousOf(
  { secret: ref, until }: PreviousSecretSpec,
  options: SecretRefOptions,
  error: (at: string, rule: string, problem: string) => void,
): ProvisionRules['previousSecret'] {
  const end = Date.parse(until);
  if (Number.isNaN(end)) error('previousSecret/until', 'invalid-time', 'is no such time');
  const resolved = resolveSecretRef(ref, options);
  if (resolved.kind === 'known') return { secret: resolved.secret, until: end };
  const problem =
    resolved.kind === 'unset'
      ? `the environment variable ${resolved.variable} (or ${resolved.variable}_FILE) is not set`
      : resolved.problem;
  error('previousSecret/secret', 'missing-secret', problem);
  return undefined;
}
