import { createHash, createHmac } from 'node:crypto';
import type { Secret } from '../model/secret.ts';
import { controlLetters } from '../model/supply-point/code-text.ts';
import { answerOn, Link, type Target } from './simulate-link.ts';

/** What every meter of a fleet shares. */
export interface FleetIdentity {
  /** First part of every name. */
  readonly prefix: string;
  /** Provision key of the device profile. */
  readonly profileKey: string;
  readonly profileSecret: Secret;
}

/** Distributors that do not exist, so that a synthetic supply point is never somebody's. */
const DISTRIBUTORS = ['9999', '1234'] as const;
const SUPPLY_NUMBERS = 10n ** 12n;
const PROVISION_DEADLINE_MS = 60_000;

/** The same name and secret give the same token: a later run drives the same fleet, and no token is kept in a file. */
export function tokenOf({ profileSecret }: FleetIdentity, name: string): string {
  const hash = createHmac('sha256', profileSecret.reveal()).update(`gridmoor simulate token ${name}`);
  return hash.digest('base64url').slice(0, 32);
}

/** A CUPS with right control letters; no two meters of one fleet share one. */
export function syntheticCups(prefix: string, number: number): string {
  const start = BigInt(`0x${createHash('sha256').update(prefix).digest('hex').slice(0, 16)}`);
  const supply = ((start + BigInt(number)) % SUPPLY_NUMBERS).toString().padStart(12, '0');
  const digits = `${DISTRIBUTORS[number % 2]}${supply}`;
  return `ES${digits}${controlLetters(digits)}`;
}

export type Provisioned =
  | { readonly kind: 'token'; readonly token: string }
  /** `NOT_FOUND` or `FAILURE`, or what else the broker says. */
  | { readonly kind: 'refused'; readonly status: string }
  | { readonly kind: 'closed' }
  | { readonly kind: 'unreachable'; readonly error: unknown };

/** Provisions over MQTT on a connection of its own, as a device does. */
export async function provisionMeter(
  target: Target,
  fleet: FleetIdentity,
  name: string,
  giveUp: AbortSignal,
): Promise<Provisioned> {
  const opening = await Link.open(target, 'provision', `provision-${name}`, giveUp);
  if (opening.kind === 'refused') return { kind: 'refused', status: `connection code ${opening.code}` };
  if (opening.kind !== 'open') return opening;
  const { link } = opening;
  const request = {
    deviceName: name,
    provisionDeviceKey: fleet.profileKey,
    provisionDeviceSecret: fleet.profileSecret.reveal(),
    credentialsType: 'ACCESS_TOKEN',
    token: tokenOf(fleet, name),
  };
  link.publish('/provision/request', JSON.stringify(request));
  const answer = await answerOn(link, PROVISION_DEADLINE_MS, (one) =>
    one.kind === 'publish' && one.topic === '/provision/response' ? one.payload.toString('utf8') : undefined,
  );
  link.leave();
  return answer === undefined ? { kind: 'closed' } : readAnswer(answer);
}

function readAnswer(text: string): Provisioned {
  try {
    const answer = JSON.parse(text) as Readonly<Record<string, unknown>>;
    if (answer.status === 'SUCCESS' && typeof answer.credentialsValue === 'string')
      return { kind: 'token', token: answer.credentialsValue };
    return { kind: 'refused', status: String(answer.status) };
  } catch {
    return { kind: 'refused', status: 'an answer that is not JSON' };
  }
}
