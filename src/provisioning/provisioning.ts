import type { Clock } from '../model/clock.ts';
import type { Device } from '../model/device.ts';
import { type CustomerId, newCustomerId } from '../model/ids.ts';
import type { KeyedHash } from '../model/keyed-hash.ts';
import { parseRateLimit, TokenBuckets } from '../model/rate-limit.ts';
import type { DeviceProfile } from '../profiles/index.ts';
import type { Registry } from '../registry/registry.ts';
import type { AttributeStore } from '../storage/attribute-store.ts';
import type { CustomerStore } from '../storage/customer-store.ts';
import type { AuditStore } from '../storage/record-stores.ts';
import type { RegistryStore } from '../storage/registry-store.ts';
import type { Admit, Overrides } from './admission.ts';
import { allowCreateNewDevices } from './allow-create-new-devices.ts';
import { type Challenge, createChallenges } from './challenges.ts';
import { checkPreProvisionedDevices } from './check-pre-provisioned-devices.ts';
import type { Once } from './once.ts';
import { checkProof, type Proved } from './proof.ts';
import type { ProvisionRequest } from './request.ts';
import type { ProvisionAnswer } from './response.ts';
import type { StrategyResult } from './strategy.ts';
import type { ProvisionTarget, ProvisionTargets } from './targets.ts';
import type { CertificateHands } from './wanted-credentials.ts';

export interface ProvisionOutcome {
  readonly answer: ProvisionAnswer;
  /** Closed list for log, audit and metrics: `created`, `claimed`, `not-found`, `name-taken` … */
  readonly reason: string;
  readonly profile?: string;
  /** The device that succeeded, or that stood in the way. */
  readonly device?: Device;
}

/** Onboarding of devices by profile key and secret (thingsboard-device-api 2). */
export interface Provisioning {
  /** Durable when it resolves. `address` of the peer is for the audit only. Rejects only when the store fails. */
  provision(request: ProvisionRequest, address: string): Promise<ProvisionOutcome>;
  /** For a device without a clock to sign. */
  challenge(): Challenge;
}

/** What of customers provisioning needs. */
export type CustomerHands = Pick<CustomerStore, 'ensureCustomer' | 'give'>;

export interface ProvisioningParts {
  readonly registry: Registry;
  readonly store: RegistryStore;
  readonly audit: AuditStore;
  readonly hash: KeyedHash;
  readonly clock: Clock;
  readonly once: Once;
  readonly admit: Admit;
  readonly customers: CustomerHands;
  readonly attributes: Pick<AttributeStore, 'read'>;
  readonly certificates: CertificateHands;
  /** The targets of the profiles in force; asked anew for each request. */
  readonly targets: () => ProvisionTargets;
}

export function createProvisioning(parts: ProvisioningParts): Provisioning {
  const { audit, hash, clock, targets, once } = parts;
  const challenges = createChallenges(hash, clock);
  const rates = new Map<string, { readonly text: string; readonly buckets: TokenBuckets }>();

  const withinRate = (target: ProvisionTarget): boolean => {
    if (target.rate === undefined || target.rate === '') return true;
    let rate = rates.get(target.profile);
    if (!rate || rate.text !== target.rate) {
      const parsed = parseRateLimit(target.rate);
      if (!parsed.ok) return false; // the profile's lint refuses such a text: closed, should one get here
      rate = { text: target.rate, buckets: new TokenBuckets(parsed.value) };
      rates.set(target.profile, rate);
    }
    return rate.buckets.tryTake(1, clock.monotonic());
  };

  const run = async (
    request: ProvisionRequest,
    target: ProvisionTarget,
    { name, profile, customer: title }: Overrides,
    by: Extract<Proved, { kind: 'proved' }>['by'],
  ): Promise<StrategyResult> => {
    const customer = title === undefined ? undefined : await customerOf(title, parts);
    const asked = name === undefined ? request : { ...request, deviceName: name.trim(), blankName: false };
    const wanted = profile ? withProfile(target, profile) : target;
    if (target.strategy === 'allow-create-new-devices')
      return allowCreateNewDevices(asked, wanted, by, parts, customer);
    const result = await checkPreProvisionedDevices(asked, wanted, { ...parts, now: clock.now() });
    if (customer && result.kind === 'success') await parts.customers.give(result.device.id, customer);
    return result;
  };

  const admitted = async (
    request: ProvisionRequest,
    { target, by }: Extract<Proved, { kind: 'proved' }>,
    address: string,
  ): Promise<StrategyResult> => {
    if (!withinRate(target)) return { kind: 'failure', reason: 'rate' } as const;
    const { profile, rules } = target;
    const admission = await parts.admit({
      profile,
      rules,
      serial: request.deviceName,
      address,
      claims: request.claims,
    });
    if (admission.kind === 'refused') return { kind: 'failure', reason: admission.reason } as const;
    return run(request, target, admission.overrides, by);
  };

  /** Whoever holds no secret leaves no line: there is no end of them. */
  const refused = async (
    { reason, target }: Extract<Proved, { kind: 'refused' }>,
    address: string,
  ): Promise<ProvisionOutcome> => {
    const answer = { status: 'NOT_FOUND' } as const;
    if (!target) return { answer, reason };
    const { profile } = target;
    await audit.append({
      at: clock.now(),
      action: 'provision',
      by: `address:${address}`,
      subject: `profile:${profile}`,
      outcome: reason,
    });
    return { answer, reason, profile };
  };

  return {
    challenge: () => challenges.make(),

    async provision(request, address) {
      const proved = await checkProof(request, targets(), { once, challenges, clock });
      if (proved.kind === 'refused') return refused(proved, address);
      const { target } = proved;
      const profile = target.profile;
      const result: StrategyResult = await admitted(request, proved, address);
      const reason = result.kind === 'success' ? result.how : result.reason;
      if (reason !== 'created') {
        // Creation writes its own audit line in the registry.
        await audit.append({
          at: clock.now(),
          action: 'provision',
          by: `address:${address}`,
          subject: result.device ? `device:${result.device.id}` : `profile:${profile}`,
          outcome: reason,
        });
      }
      const answer = answerOf(result);
      return { answer, reason, profile, ...(result.device ? { device: result.device } : {}) };
    },
  };
}

/** A serial that is not listed gets the answer of a wrong key (registration-protocols 3.3). */
function answerOf(result: StrategyResult): ProvisionAnswer {
  if (result.kind === 'success') return { status: 'SUCCESS', credentials: result.credentials };
  return { status: result.reason === 'not-listed' ? 'NOT_FOUND' : 'FAILURE' };
}

/** The target as another profile has it; proof and strategy stay those of the one that was asked for. */
function withProfile(
  { quota: _, x509: __, ...target }: ProvisionTarget,
  { name, provision, x509 }: DeviceProfile,
): ProvisionTarget {
  const { quota } = provision;
  return { ...target, profile: name, ...(quota === undefined ? {} : { quota }), ...(x509 ? { x509 } : {}) };
}

/** The customer of that title, made when there is none. */
export async function customerOf(
  title: string,
  { customers, clock }: { readonly customers: CustomerHands; readonly clock: Clock },
): Promise<CustomerId> {
  const now = clock.now();
  const wanted = { id: newCustomerId(now), title: title.trim(), createdAt: now };
  return (await customers.ensureCustomer(wanted)).customer.id;
}
