import type { Clock } from '../model/clock.ts';
import type { Challenges } from './challenges.ts';
import type { Once } from './once.ts';
import type { ProvisionRequest, SignedProof } from './request.ts';
import type { ProvisionTarget, ProvisionTargets } from './targets.ts';

export interface ProofParts {
  readonly once: Once;
  readonly challenges: Challenges;
  readonly clock: Clock;
}

/** `reason` of a refusal is for log and audit; the device hears the same of each. `target`: the proof itself was right. */
export type Proved =
  | { readonly kind: 'proved'; readonly target: ProvisionTarget; readonly by: 'sent' | 'secret' | 'derived' }
  | {
      readonly kind: 'refused';
      readonly reason: 'not-found' | 'unsigned' | 'not-derived' | 'clock-skew' | 'challenge' | 'replay';
      readonly target?: ProvisionTarget;
    };

const NOT_FOUND: Proved = { kind: 'refused', reason: 'not-found' };

/**
 * Whether a request comes from somebody who holds the secret of the profile, and is no repeat of what somebody overheard
 * (registration-protocols 1.12).
 */
export async function checkProof(
  request: ProvisionRequest,
  targets: ProvisionTargets,
  parts: ProofParts,
): Promise<Proved> {
  const now = parts.clock.now();
  if (request.key === '') return NOT_FOUND;
  if (request.signed) return checkSigned(request.signed, targets, parts, now);
  const target = targets.match(request.key, request.secret, now);
  if (!target) return NOT_FOUND;
  if (target.rules.proof.requireSignature) return { kind: 'refused', reason: 'unsigned', target };
  // Who shows that it is the same device must show it now.
  const stale = request.possession && (await staleness(request.possession, target, parts, now));
  return stale ? { kind: 'refused', reason: stale, target } : { kind: 'proved', target, by: 'sent' };
}

async function checkSigned(
  signed: SignedProof,
  targets: ProvisionTargets,
  parts: ProofParts,
  now: number,
): Promise<Proved> {
  const match = targets.matchSigned(signed, now);
  if (!match) return NOT_FOUND;
  const { target, by } = match;
  const { proof } = target.rules;
  const refused = (reason: Extract<Proved, { kind: 'refused' }>['reason']): Proved => ({
    kind: 'refused',
    reason,
    target,
  });
  if (by === 'secret' && proof.derivedKeys === 'required') return refused('not-derived');
  if (by === 'derived' && proof.derivedKeys === 'off') return refused('not-derived');
  const stale = await staleness(signed, target, parts, now);
  return stale ? refused(stale) : { kind: 'proved', target, by };
}

/** Why what was signed does not count: its time, or it has been seen. Undefined: it is fresh, and used up now. */
async function staleness(
  { fields: { nonce, timestamp } }: SignedProof,
  { profile, rules: { proof } }: ProvisionTarget,
  { once, challenges }: ProofParts,
  now: number,
): Promise<'clock-skew' | 'challenge' | 'replay' | undefined> {
  const challengeEnd = challenges.endOf(nonce);
  let until = now + 2 * proof.skewMs;
  if (challengeEnd !== undefined) {
    if (!proof.challenge || now >= challengeEnd) return 'challenge';
    until = challengeEnd;
  } else if (timestamp === '' || Math.abs(now - Number(timestamp)) > proof.skewMs) return 'clock-skew';
  // By profile: the provision key may change its letters in a file, what was overheard stays what it is.
  return (await once.take(`tbp1 ${profile} ${nonce}`, until)) ? undefined : 'replay';
}
