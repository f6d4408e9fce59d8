import { createHash } from 'node:crypto';
import { BrokerError } from '../errors.ts';
import { type Device, stateOf } from '../model/device.ts';
import type { DeviceId } from '../model/ids.ts';
import type { OtaKind, OtaPackage } from '../model/ota.ts';
import type { SkipReason } from '../model/ota-campaign.ts';
import type { AttributeStore } from '../storage/attribute-store.ts';
import type { RegistryStore } from '../storage/registry-store.ts';
import type { TelemetryStore } from '../storage/telemetry-store.ts';
import { OTA_PREFIXES } from './life-cycle.ts';

/** Whom a campaign means. */
export interface CampaignScope {
  /** These devices; absent: all of the profile. */
  readonly devices?: readonly DeviceId[];
  readonly profile?: string;
  /** Only devices that report one of these versions. */
  readonly versions?: readonly string[];
  /** So many of those that are left, always the same ones for a package. */
  readonly percent?: number;
}

export interface Chosen {
  readonly device: Device;
  /** The version that it reports. */
  readonly from: string;
}

export interface Choice {
  readonly chosen: readonly Chosen[];
  readonly skipped: Readonly<Partial<Record<SkipReason, number>>>;
}

export interface ChoiceParts {
  readonly registry: Pick<RegistryStore, 'devices' | 'device'>;
  readonly telemetry: Pick<TelemetryStore, 'latest'>;
  readonly attributes: Pick<AttributeStore, 'read'>;
}

export const MAX_TARGETS = 20_000;
const AT_ONCE = 32;
const PAGE = 1_000;

/** The devices of a campaign, ordered by a hash of package and device. Throws BAD_REQUEST when they are too many. */
export async function chooseTargets(entry: OtaPackage, scope: CampaignScope, parts: ChoiceParts): Promise<Choice> {
  const skipped: Partial<Record<SkipReason, number>> = {};
  const found: { readonly order: string; readonly one: Chosen }[] = [];
  const look = async (device: Device): Promise<void> => {
    const from = await reportedVersion(device.id, entry.kind, parts);
    const reason = reasonToSkip(device, from, entry, scope);
    if (from !== undefined && reason === undefined) {
      const order = createHash('sha256').update(`${entry.id}/${device.id}`).digest('hex');
      found.push({ order, one: { device, from } });
    } else if (reason) skipped[reason] = (skipped[reason] ?? 0) + 1;
  };
  for await (const page of candidates(entry, scope, parts)) {
    for (let at = 0; at < page.length; at += AT_ONCE) await Promise.all(page.slice(at, at + AT_ONCE).map(look));
  }
  found.sort((a, b) => (a.order < b.order ? -1 : 1));
  const count = Math.ceil((found.length * (scope.percent ?? 100)) / 100);
  if (count > MAX_TARGETS) {
    throw new BrokerError('BAD_REQUEST', {
      field: 'percent',
      detail: `${count} devices are meant; a campaign has ${MAX_TARGETS} at most: narrow it by versions or percent`,
    });
  }
  return { chosen: found.slice(0, count).map(({ one }) => one), skipped };
}

async function* candidates(entry: OtaPackage, scope: CampaignScope, { registry }: ChoiceParts) {
  if (scope.devices) {
    for (let at = 0; at < scope.devices.length; at += PAGE) {
      const page = await Promise.all(scope.devices.slice(at, at + PAGE).map((id) => registry.device(id)));
      yield page.filter((device) => device !== undefined);
    }
    return;
  }
  const profile = scope.profile ?? entry.profile;
  for (let page = 0, more = true; more && profile !== undefined; page++) {
    const { data, hasNext } = await registry.devices({ profile, page, pageSize: PAGE });
    yield data;
    more = hasNext;
  }
}

function reasonToSkip(
  device: Device,
  from: string | undefined,
  entry: OtaPackage,
  { profile, versions }: CampaignScope,
): SkipReason | undefined {
  const only = profile ?? entry.profile;
  if (only !== undefined && device.profile !== only) return 'otherProfile';
  if (stateOf(device) === 'disabled' || stateOf(device) === 'retired') return 'notInUse';
  if (from === undefined) return 'noVersion';
  if (from === entry.version) return 'hasIt';
  return versions && !versions.includes(from) ? 'otherVersion' : undefined;
}

/** What a device reported last: telemetry `current_fw_version`, or the attribute `fw_version` of other dialects. */
async function reportedVersion(
  id: DeviceId,
  kind: OtaKind,
  { telemetry, attributes }: ChoiceParts,
): Promise<string | undefined> {
  const prefix = OTA_PREFIXES[kind];
  const series = (await telemetry.latest(id, [`current_${prefix}_version`])).get(`current_${prefix}_version`);
  const said = (await attributes.read(id, 'CLIENT_SCOPE', [`${prefix}_version`])).get(`${prefix}_version`);
  const newest = series && said ? (series.ts >= said.ts ? series : said) : (series ?? said);
  return typeof newest?.value === 'string' && newest.value !== '' ? newest.value : undefined;
}
