import type { Clock } from '../model/clock.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../model/json.ts';
import type { DeviceProfile, ProfileSet, ProvisionRules } from '../profiles/index.ts';
import { nameProblem } from '../registry/registry.ts';
import { type SerialLists, serialProblem } from '../registry/serial-lists.ts';
import { createAddressRates } from './address-rates.ts';

/** What a request is about, once its proof is right. */
export interface Applicant {
  readonly profile: string;
  readonly rules: ProvisionRules;
  /** Absent: the device has no name yet. */
  readonly serial: string | undefined;
  readonly address: string;
  readonly claims: JsonObject;
}

/** What the hook of a profile wants otherwise; absent = as it is. */
export interface Overrides {
  readonly name?: string;
  readonly profile?: DeviceProfile;
  /** Title of the customer; made when there is none. */
  readonly customer?: string;
}

export type AdmissionRefusal = 'address-rate' | 'window' | 'not-listed' | 'hook-denied' | 'hook-failed';

export type Admission =
  | { readonly kind: 'admitted'; readonly overrides: Overrides }
  | { readonly kind: 'refused'; readonly reason: AdmissionRefusal };

/** Lets a chain decide; undefined when it has not answered in time. */
export type AskHook = (
  hook: NonNullable<ProvisionRules['hook']>,
  applicant: Applicant,
) => Promise<JsonValue | undefined>;

/** Whether the rules of a profile let a device in whose proof is right (registration-protocols 3.3). */
export type Admit = (applicant: Applicant) => Promise<Admission>;

export interface AdmissionParts {
  readonly serials: Pick<SerialLists, 'has'>;
  readonly askHook: AskHook;
  readonly profiles: () => ProfileSet;
  readonly clock: Clock;
}

export function createAdmission({ serials, askHook, profiles, clock }: AdmissionParts): Admit {
  const rates = createAddressRates();
  return async (applicant) => {
    const { rules, profile, serial, address } = applicant;
    const { window, allowList, hook, perMinutePerAddress: perMinute } = rules;
    const now = clock.now();
    if (perMinute !== undefined && !rates.take(profile, address, perMinute, clock.monotonic())) {
      return refused('address-rate');
    }
    if (window && (now < window.from || now >= window.until)) return refused('window');
    if (allowList !== 'off') {
      const known = serial !== undefined && serialProblem(serial) === undefined;
      if (!known || !(await serials.has(profile, allowList, serial))) return refused('not-listed');
    }
    if (!hook) return { kind: 'admitted', overrides: {} };
    // Closed: whatever is no clear yes is a no.
    const answer = await askHook(hook, applicant);
    if (!isJsonObject(answer)) return refused('hook-failed');
    if (answer.allow !== true) return refused('hook-denied');
    const overrides = overridesOf(answer, profiles());
    return overrides ? { kind: 'admitted', overrides } : refused('hook-failed');
  };
}

const refused = (reason: AdmissionRefusal): Admission => ({ kind: 'refused', reason });

/** Undefined for an answer that nobody can follow. */
function overridesOf(answer: JsonObject, profiles: ProfileSet): Overrides | undefined {
  const texts: { name?: string; profile?: string; customer?: string } = {};
  for (const field of ['name', 'profile', 'customer'] as const) {
    const value = Object.hasOwn(answer, field) ? answer[field] : undefined;
    if (value === undefined || value === null) continue;
    if (typeof value !== 'string' || nameProblem(value)) return undefined;
    texts[field] = value;
  }
  const { profile: named, ...rest } = texts;
  if (named === undefined) return rest;
  const profile = profiles.byName(named);
  return profile && { ...rest, profile };
}
