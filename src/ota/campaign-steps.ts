import type { Clock } from '../model/clock.ts';
import type { Device } from '../model/device.ts';
import type { DeviceId } from '../model/ids.ts';
import type { OtaCampaign, OtaTarget } from '../model/ota-campaign.ts';
import type { AuditStore } from '../storage/record-stores.ts';
import type { RegistryStore } from '../storage/registry-store.ts';
import type { OtaAssignments } from './assignments.ts';
import { type CampaignRecords, isEnded, type Versioned } from './campaign-records.ts';
import { afterFailure } from './campaign-report.ts';

export interface CampaignStepsParts {
  readonly records: CampaignRecords;
  readonly registry: Pick<RegistryStore, 'device'>;
  readonly assignments: Pick<OtaAssignments, 'assignDevice' | 'ofDevice'>;
  readonly audit: AuditStore;
  readonly isOnline: (id: DeviceId) => Promise<boolean>;
  readonly clock: Clock;
}

const AT_ONCE = 32;
/** A campaign whose devices were not chosen by then: its instance is gone. */
const PREPARING_MS = 600_000;

interface Tally {
  failed: number;
  verifyFailed: number;
  verifyOpen: number;
  open: number;
}

/** What one instance does for open campaigns: tells devices, watches their time, and ends what is over. */
export function createCampaignSteps(parts: CampaignStepsParts) {
  const { records, registry, assignments, audit, clock } = parts;

  /** The target with its package taken away, or what it had before given back. */
  const restore = async (campaign: OtaCampaign, { ending: _, ...target }: OtaTarget, version: number) => {
    const device = await registry.device(target.device);
    if (device) await assignments.assignDevice(device, campaign.kind, target.former, byOf(campaign));
    await records.changeTarget(campaign, target, version, true);
    return target;
  };

  /** Written down before it is told: a report may come at once. */
  const tell = async (campaign: OtaCampaign, target: OtaTarget, version: number): Promise<OtaTarget> => {
    const device = await registry.device(target.device);
    const now = clock.now();
    if (!device) {
      const gone: OtaTarget = { ...target, state: 'failed', reason: 'DEVICE_GONE', changedAt: now };
      await records.changeTarget(campaign, gone, version, true);
      return gone;
    }
    const former = target.attempts > 0 ? target.former : (await assignments.ofDevice(device.id))[campaign.kind];
    const isHere = await parts.isOnline(device.id);
    const { deadline: _, ...rest } = target;
    const next: OtaTarget = {
      ...rest,
      telling: true,
      state: isHere ? 'sent' : 'queued',
      attempts: target.attempts + 1,
      changedAt: now,
      ...(former === undefined ? {} : { former }),
      ...(isHere ? { deadline: now + campaign.timeoutMs } : {}),
    };
    if (!(await records.changeTarget(campaign, next, version, false))) return target;
    return give(campaign, { value: next, version: version + 1 }, device);
  };

  const give = async (campaign: OtaCampaign, { value, version }: Versioned<OtaTarget>, device: Device) => {
    if (!(await given(campaign, device, value.attempts > 1))) return refused(campaign, value);
    const { telling: _, ...told } = value;
    // Refused when the device has reported meanwhile: then it has heard, and its record says so.
    await records.changeTarget(campaign, told, version, false);
    return told;
  };

  /** Another instance noted it as told and ended: it is told now, and its time begins now. */
  const tellAfterAll = async (campaign: OtaCampaign, { value, version }: Versioned<OtaTarget>): Promise<OtaTarget> => {
    const device = await registry.device(value.device);
    const deadline = value.deadline === undefined ? {} : { deadline: clock.now() + campaign.timeoutMs };
    if (device) return give(campaign, { value: { ...value, ...deadline }, version }, device);
    return refused(campaign, value, 'DEVICE_GONE');
  };

  /** @param anew it was told before, and is to be told again. False: the package can be given to nobody any more. */
  const given = async (campaign: OtaCampaign, device: Device, anew: boolean): Promise<boolean> => {
    const by = byOf(campaign);
    if (anew) await assignments.assignDevice(device, campaign.kind, undefined, by);
    try {
      await assignments.assignDevice(device, campaign.kind, campaign.package, by);
      return true;
    } catch (error) {
      if (isRefusal(error)) return false;
      throw error;
    }
  };

  const refused = async (
    campaign: OtaCampaign,
    { device }: OtaTarget,
    reason = 'NOT_ASSIGNABLE',
  ): Promise<OtaTarget> => {
    const now = await records.target(campaign.id, device);
    if (!now) throw new Error('a target of a campaign is gone');
    const { telling: _, ...rest } = now.value;
    const next: OtaTarget = { ...rest, state: 'failed', reason, changedAt: clock.now() };
    await records.changeTarget(campaign, next, now.version, true);
    return next;
  };

  const stepTarget = async (campaign: OtaCampaign, { value: target, version }: Versioned<OtaTarget>) => {
    const now = clock.now();
    const change = async (next: OtaTarget, leaves = false): Promise<OtaTarget> =>
      (await records.changeTarget(campaign, next, version, leaves)) ? next : target;
    if (target.ending) return restore(campaign, target, version);
    if (!isOpen(target)) return target;
    if (campaign.ends) {
      const told = target.attempts > 0;
      const { deadline: _, telling: __, ...rest } = target;
      return change({ ...rest, state: 'cancelled', changedAt: now, ...(told ? { ending: true } : {}) }, !told);
    }
    if (target.telling) return tellAfterAll(campaign, { value: target, version });
    if (target.state === 'waiting') {
      return campaign.state === 'running' || target.verify ? tell(campaign, target, version) : target;
    }
    if (target.state === 'queued') {
      if (!(await parts.isOnline(target.device))) return target;
      return change({ ...target, state: 'sent', deadline: now + campaign.timeoutMs, changedAt: now });
    }
    const isLate = target.deadline !== undefined && target.deadline <= now;
    return isLate ? change(afterFailure(target, 'TIMEOUT', campaign, now)) : target;
  };

  const end = async (campaign: OtaCampaign, version: number, state: 'done' | 'failed' | 'stopped') => {
    const { ends: _, ...rest } = campaign;
    if (!(await records.change({ ...rest, state, endedAt: clock.now() }, version))) return;
    const { id, by } = campaign;
    await audit.append({ at: clock.now(), action: 'ota.campaign', by, subject: `campaign:${id}`, outcome: state });
  };

  return {
    /** One round over a campaign. True: there is more to do at once. */
    async advance({ value: campaign, version }: Versioned<OtaCampaign>): Promise<boolean> {
      if (isEnded(campaign)) return false;
      if (campaign.state === 'preparing') {
        const isLost = clock.now() - campaign.createdAt > PREPARING_MS && !campaign.ends;
        return isLost ? records.change({ ...campaign, state: 'running', ends: 'failed' }, version) : false;
      }
      const tally: Tally = { failed: 0, verifyFailed: 0, verifyOpen: 0, open: 0 };
      let changed = false;
      for await (const page of records.targets(campaign.id)) {
        for (let at = 0; at < page.length; at += AT_ONCE) {
          const some = page.slice(at, at + AT_ONCE);
          const stepped = await Promise.all(some.map((target) => stepTarget(campaign, target)));
          for (const [index, target] of stepped.entries()) {
            changed ||= target !== some[index]?.value;
            count(tally, target);
          }
        }
      }
      const { maxFailures = Number.POSITIVE_INFINITY } = campaign;
      if (tally.open === 0) {
        const failed = tally.verifyFailed > 0 || tally.failed >= maxFailures;
        await end(campaign, version, campaign.ends ?? (failed ? 'failed' : 'done'));
        return false;
      }
      if (!campaign.ends && (tally.verifyFailed > 0 || tally.failed >= maxFailures)) {
        return records.change({ ...campaign, ends: 'failed' }, version);
      }
      if (campaign.state === 'verifying' && tally.verifyOpen === 0) {
        return records.change({ ...campaign, state: 'running' }, version);
      }
      return changed;
    },
  };
}

const byOf = ({ id }: OtaCampaign): string => `campaign:${id}`;

/** Whether it may still change. */
const isOpen = ({ state }: OtaTarget): boolean => state !== 'succeeded' && state !== 'failed' && state !== 'cancelled';

function count(tally: Tally, target: OtaTarget): void {
  const open = isOpen(target) || target.ending === true;
  if (open) tally.open++;
  if (target.state === 'failed') tally.failed++;
  if (!target.verify) return;
  if (open) tally.verifyOpen++;
  if (target.state === 'failed') tally.verifyFailed++;
}

/** The package is gone, has lost its content, or is for another profile now. */
const isRefusal = (error: unknown): boolean =>
  ['NOT_FOUND', 'BAD_REQUEST', 'DEVICE_NOT_FOUND'].includes(String((error as { code?: unknown }).code));
