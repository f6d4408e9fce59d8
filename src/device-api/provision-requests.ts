import { BrokerError } from '../errors.ts';
import type { Device } from '../model/device.ts';
import type { DeviceId } from '../model/ids.ts';
import { isJsonObject, type JsonObject, parseJson } from '../model/json.ts';
import type { Log } from '../observe/index.ts';
import type { Provisioning, ProvisionOutcome } from '../provisioning/provisioning.ts';
import { type ProvisionRequest, parseProvisionRequest } from '../provisioning/request.ts';
import { formatProvisionAnswer } from '../provisioning/response.ts';
import { bump, type MessageCounters } from './counters.ts';
import { deviceOriginator, type EntityEvent, TENANT_ORIGINATOR } from './entity-makers.ts';
import type { RefusalPause } from './refusal-pause.ts';

export type ProvisionReply =
  | { readonly kind: 'answer'; readonly status: 'SUCCESS' | 'NOT_FOUND' | 'FAILURE'; readonly text: string }
  /** Not JSON at all, or JSON of the wrong form; `problem` is for the log and for HTTP. */
  | { readonly kind: 'not-json' | 'wrong-form'; readonly problem: string }
  | { readonly kind: 'unavailable' }
  | { readonly kind: 'hang-up' };

export interface ProvisionRequestParts {
  readonly provisioning: Provisioning;
  readonly guessPause: RefusalPause;
  readonly failurePause: RefusalPause;
  readonly counters: MessageCounters;
  readonly json: { readonly maxDepth: number; readonly maxKeys: number };
  /** Chains hear of a device that was provisioned, or that stood in the way. */
  readonly announce: (device: Device, status: string, reason: string, claims: JsonObject) => void;
  readonly raise: (event: EntityEvent) => void;
  /** Ends sessions whose credentials work no more. */
  readonly credentialsChanged: (id: DeviceId) => Promise<void>;
  readonly log: Log;
}

/** Provisioning requests of all fronts: read, decided, told of. Never rejects. */
export function createProvisionRequests(parts: ProvisionRequestParts) {
  const { provisioning, counters, log } = parts;
  return async (payload: Uint8Array, address: string): Promise<ProvisionReply> => {
    const malformed = (kind: 'not-json' | 'wrong-form', problem: string): ProvisionReply => {
      bump(counters.refusals, `provision:${kind}`);
      log.info({ event: 'provision', outcome: kind, problem, address }, 'provisioning request');
      return { kind, problem };
    };
    const json = parseJson(payload, parts.json);
    if (!json.ok) return malformed('not-json', json.error.problem);
    if (!isJsonObject(json.value)) return malformed('wrong-form', 'the request must be a JSON object');
    const parsed = parseProvisionRequest(json.value);
    if (!parsed.ok) return malformed('wrong-form', `"${parsed.field}" ${parsed.problem}`);
    try {
      const outcome = await provisioning.provision(parsed.request, address);
      const { reason, profile, device } = outcome;
      const { status } = outcome.answer;
      const facts = { event: 'provision', outcome: reason, profile, device: device?.id, address };
      log.info(facts, 'provisioning request');
      bump(
        status === 'SUCCESS' ? counters.provisioned : counters.refusals,
        status === 'SUCCESS' ? reason : `provision:${reason}`,
      );
      tell(outcome, parsed.request, address);
      if (reason === 'rotated' && device) await parts.credentialsChanged(device.id);
      if (status !== 'SUCCESS') {
        const pause = status === 'NOT_FOUND' ? parts.guessPause : parts.failurePause;
        if ((await pause.refused(address)) === 'drop') return { kind: 'hang-up' };
      }
      return { kind: 'answer', status, text: formatProvisionAnswer(outcome.answer) };
    } catch (error) {
      log.error({ event: 'provision.failed', err: BrokerError.from(error) }, 'provisioning could not be done');
      return { kind: 'unavailable' };
    }
  };

  function tell(outcome: ProvisionOutcome, request: ProvisionRequest, address: string): void {
    const { answer, reason, profile, device } = outcome;
    const type = eventOf(reason);
    if (device && (answer.status === 'SUCCESS' || type === 'PROVISION_FAILURE')) {
      const isFirst = reason === 'created' || reason === 'claimed';
      const claims = isFirst ? request.claims : {};
      parts.announce(device, answer.status, reason, claims);
      return;
    }
    // Who does not know the secret makes no messages.
    if (profile === undefined) return;
    const serial = request.deviceName ?? '';
    parts.raise({
      type,
      originator: device ? deviceOriginator(device) : TENANT_ORIGINATOR,
      data: { serial, address, reason },
      metadata: { deviceName: serial, deviceType: profile },
    });
  }
}

const EVENTS: Readonly<Record<string, EntityEvent['type']>> = {
  repeat: 'PROVISION_REPEAT',
  replay: 'PROVISION_REPEAT',
  'not-proved': 'PROVISION_REPEAT',
  'not-listed': 'ALLOWLIST_MISS',
  'quota-reached': 'QUOTA_EXCEEDED',
  rate: 'RATE_LIMITED',
  'address-rate': 'RATE_LIMITED',
};

/** What chains hear of a refusal, by its reason (registration-protocols 3.3). */
export const eventOf = (reason: string): EntityEvent['type'] =>
  (Object.hasOwn(EVENTS, reason) ? EVENTS[reason] : undefined) ?? 'PROVISION_FAILURE';
