import { BrokerError } from '../errors.ts';
import type { Clock } from '../model/clock.ts';
import type { Device } from '../model/device.ts';
import { type DeviceId, newUuid, type OtaPackageId } from '../model/ids.ts';
import type { JsonObject } from '../model/json.ts';
import { OTA_KINDS } from '../model/ota.ts';
import type { OtaCampaign, OtaTarget } from '../model/ota-campaign.ts';
import type { AttributeStore } from '../storage/attribute-store.ts';
import type { DocumentStore } from '../storage/document-store.ts';
import type { OtaStore } from '../storage/ota-store.ts';
import type { AuditStore } from '../storage/record-stores.ts';
import type { RegistryStore } from '../storage/registry-store.ts';
import type { TelemetryStore } from '../storage/telemetry-store.ts';
import type { OtaAssignments } from './assignments.ts';
import { createCampaignRecords, isEnded } from './campaign-records.ts';
import { afterReport, type OtaReport, readReports } from './campaign-report.ts';
import { createCampaignSteps } from './campaign-steps.ts';
import { type CampaignScope, chooseTargets } from './campaign-targets.ts';

export interface NewCampaign extends CampaignScope {
  readonly name: string;
  readonly package: OtaPackageId;
  /** Told first, by name or by number; the others follow when all of these have succeeded. */
  readonly verifyDevices?: readonly DeviceId[];
  readonly verifyCount?: number;
  readonly timeoutMs: number;
  readonly retries: number;
  readonly maxFailures?: number;
}

export interface CampaignPage {
  readonly targets: readonly OtaTarget[];
  /** Pass it as `after` for the next page; absent = that was the last. */
  readonly next?: DeviceId;
}

/** Rollouts of packages to chosen devices; only a device that reports the new version has succeeded. */
export interface OtaCampaigns {
  /** Throws NOT_FOUND, BAD_REQUEST. */
  create(wanted: NewCampaign, by: string): Promise<OtaCampaign>;
  /** Open ones, then ended ones, each ordered by creation. */
  list(): Promise<readonly OtaCampaign[]>;
  campaign(id: string): Promise<OtaCampaign | undefined>;
  targets(id: string, after?: DeviceId): Promise<CampaignPage>;
  /** Tells nobody any more, and takes the package from those that are not done. Throws NOT_FOUND, BAD_REQUEST. */
  stop(id: string, by: string): Promise<OtaCampaign>;
  /** Throws NOT_FOUND, BAD_REQUEST while it goes on. */
  remove(id: string, by: string): Promise<void>;
  /** What a device says of itself in telemetry; never rejects. */
  reported(device: Pick<Device, 'id'>, values: JsonObject): void;
  /** A device is here: what waited for it is told. */
  deviceIsHere(device: Pick<Device, 'id'>): void;
  /** Stops watching; campaigns go on after the next start. */
  close(): Promise<void>;
}

export interface OtaCampaignsParts {
  readonly documents: DocumentStore;
  readonly store: Pick<OtaStore, 'package'>;
  readonly assignments: Pick<OtaAssignments, 'assignDevice' | 'ofDevice' | 'check'>;
  readonly registry: Pick<RegistryStore, 'devices' | 'device'>;
  readonly telemetry: Pick<TelemetryStore, 'latest'>;
  readonly attributes: Pick<AttributeStore, 'read'>;
  readonly audit: AuditStore;
  readonly isOnline: (id: DeviceId) => Promise<boolean>;
  /** Whether this instance is the one that tells devices. */
  readonly leads: () => boolean;
  readonly clock: Clock;
  readonly stepMs: number;
  readonly onError: (error: unknown) => void;
}

const JOIN_AT_ONCE = 32;
/** Of the time that a round takes, how much of it passes before the next one. */
const PAUSE = 20;
const MAX_NAME = 255;
/** Reports of a device that meet each other. */
const TRIES = 8;

export function createOtaCampaigns(parts: OtaCampaignsParts): OtaCampaigns {
  const { documents, store, assignments, audit, clock, onError } = parts;
  const records = createCampaignRecords(documents, () => clock.now());
  const steps = createCampaignSteps({ ...parts, records });
  /** What devices have said, one after the other for each: a step must not overtake the one before. */
  const tails = new Map<DeviceId, Promise<void>>();
  let closed = false;
  let round: Promise<void> | undefined;
  let again = false;
  let notBefore = 0;
  /** Whether there were open campaigns when last looked. */
  let anyOpen = false;

  const once = async (): Promise<boolean> => {
    const open = await records.open();
    anyOpen = open.length > 0;
    let more = false;
    if (parts.leads()) for (const one of open) more = ((!closed && (await steps.advance(one))) as boolean) || more;
    return more;
  };

  /** Rounds until nothing changes; one at a time. */
  const work = (): void => {
    again = true;
    if (round || closed) return;
    const run = async (): Promise<void> => {
      while (again && !closed) {
        again = false;
        const began = clock.monotonic();
        if (await once()) again = true;
        notBefore = clock.monotonic() + (clock.monotonic() - began) * PAUSE;
      }
    };
    round = run()
      .catch(onError)
      .finally(() => {
        round = undefined;
        if (again) work();
      });
  };

  const timer = setInterval(() => {
    if (clock.monotonic() >= notBefore) work();
  }, parts.stepMs);
  timer.unref();
  work();

  const inTurn = (id: DeviceId, task: () => Promise<void>): void => {
    const done: Promise<void> = (tails.get(id) ?? Promise.resolve())
      .then(task)
      .catch(onError)
      .finally(() => {
        if (tails.get(id) === done) tails.delete(id);
      });
    tails.set(id, done);
  };

  /** Changes the device's record in its campaign; what changes at the same time is read again. */
  const changeMember = async (
    id: DeviceId,
    kind: OtaReport['kind'],
    next: (target: OtaTarget, campaign: OtaCampaign) => OtaTarget | undefined,
  ): Promise<void> => {
    const campaignId = await records.campaignOf(kind, id);
    const campaign = campaignId === undefined ? undefined : await records.campaign(campaignId);
    for (let tries = 0; campaign && tries < TRIES; tries++) {
      const target = await records.target(campaign.value.id, id);
      const changed = target && next(target.value, campaign.value);
      if (!changed) return;
      if (!(await records.changeTarget(campaign.value, changed, target.version, changed.state === 'succeeded')))
        continue;
      work();
      return;
    }
  };

  const note = (id: string, by: string, outcome: string, facts?: Record<string, string | number>) => {
    const entry = { at: clock.now(), action: 'ota.campaign', by, subject: `campaign:${id}`, outcome };
    return audit.append({ ...entry, ...(facts ? { facts } : {}) });
  };

  const found = async (id: string) => {
    const campaign = await records.campaign(id);
    if (!campaign) throw new BrokerError('NOT_FOUND', { field: 'id', detail: 'there is no such campaign' });
    return campaign;
  };

  return {
    async create(wanted, by) {
      const { name, timeoutMs, retries, maxFailures, verifyCount = 0 } = wanted;
      if (name === '' || name.length > MAX_NAME) throw refused('name', `must have 1 to ${MAX_NAME} characters`);
      const entry = await store.package(wanted.package);
      if (!entry) throw new BrokerError('NOT_FOUND', { field: 'package', detail: 'there is no such package' });
      if (!wanted.devices && (wanted.profile ?? entry.profile) === undefined) {
        throw refused('profile', 'says which devices are meant: name it, or devices');
      }
      await assignments.check(wanted.profile ?? entry.profile ?? '', entry.kind, entry.id);
      const now = clock.now();
      const { kind, title, version } = entry;
      const { chosen, skipped } = await chooseTargets(entry, wanted, parts);
      const first = new Set([
        ...(wanted.verifyDevices ?? []),
        ...chosen.slice(0, verifyCount).map(({ device }) => device.id),
      ]);
      const stranger = wanted.verifyDevices?.find((id) => !chosen.some(({ device }) => device.id === id));
      if (stranger) throw refused('verifyDevices', `names ${stranger}, which is not among the devices that are meant`);
      const campaign: OtaCampaign = {
        id: newUuid(now),
        name,
        package: entry.id,
        kind,
        title,
        version,
        state: 'preparing',
        timeoutMs,
        retries,
        ...(maxFailures === undefined ? {} : { maxFailures }),
        targets: 0,
        skipped,
        createdAt: now,
        by,
      };
      await records.create(campaign);
      let targets = 0;
      for (let at = 0; at < chosen.length; at += JOIN_AT_ONCE) {
        const joined = await Promise.all(
          chosen.slice(at, at + JOIN_AT_ONCE).map(({ device, from }) =>
            records.join(campaign, {
              device: device.id,
              name: device.name,
              from,
              state: 'waiting',
              verify: first.has(device.id),
              attempts: 0,
              changedAt: now,
            }),
          ),
        );
        targets += joined.filter(Boolean).length;
      }
      const inCampaign = chosen.length - targets;
      const ready: OtaCampaign = {
        ...campaign,
        state: first.size > 0 ? 'verifying' : 'running',
        targets,
        skipped: { ...skipped, ...(inCampaign > 0 ? { inCampaign } : {}) },
      };
      if (!(await records.change(ready, 1))) throw refused('name', 'the campaign was ended meanwhile');
      await note(campaign.id, by, 'created', { name, package: entry.id, targets });
      work();
      return ready;
    },

    list: async () => [...(await records.open()).map(({ value }) => value), ...(await records.ended())],
    campaign: async (id) => (await records.campaign(id))?.value,

    async targets(id, after) {
      const page = await records.targetPage(id, after);
      const targets = page.map(({ value }) => value);
      const last = targets.at(-1)?.device;
      return { targets, ...(last === undefined ? {} : { next: last }) };
    },

    async stop(id, by) {
      for (let tries = 0; tries < TRIES; tries++) {
        const { value, version } = await found(id);
        if (isEnded(value)) throw refused('id', 'the campaign has ended');
        if (value.ends) return value;
        if (value.state === 'preparing') throw refused('id', 'the devices of the campaign are still being chosen');
        const next: OtaCampaign = { ...value, ends: 'stopped' };
        if (!(await records.change(next, version))) continue;
        await note(id, by, 'stop');
        work();
        return next;
      }
      throw new BrokerError('STORE_UNAVAILABLE');
    },

    async remove(id, by) {
      const { value } = await found(id);
      if (!isEnded(value)) throw refused('id', 'the campaign goes on: stop it first');
      await records.remove(id);
      await note(id, by, 'deleted');
    },

    reported({ id }, values) {
      const reports = readReports(values);
      if (reports.length === 0 || closed) return;
      inTurn(id, async () => {
        for (const report of reports) {
          await changeMember(id, report.kind, ({ telling: _, ...target }, campaign) =>
            campaign.ends ? undefined : afterReport(target, report, campaign, clock.now()),
          );
        }
      });
    },

    deviceIsHere({ id }) {
      if (!anyOpen || closed) return;
      inTurn(id, async () => {
        for (const kind of OTA_KINDS) {
          await changeMember(id, kind, (target, { timeoutMs }) => {
            if (target.state !== 'queued') return undefined;
            const now = clock.now();
            return { ...target, state: 'sent', deadline: now + timeoutMs, changedAt: now };
          });
        }
      });
    },

    async close() {
      closed = true;
      clearInterval(timer);
      await Promise.all([round, ...tails.values()]);
    },
  };
}

const refused = (field: string, detail: string): BrokerError => new BrokerError('BAD_REQUEST', { field, detail });
