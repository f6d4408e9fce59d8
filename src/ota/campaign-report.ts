import type { JsonObject, JsonValue } from '../model/json.ts';
import { OTA_KINDS, type OtaKind } from '../model/ota.ts';
import type { OtaCampaign, OtaTarget } from '../model/ota-campaign.ts';
import { OTA_PREFIXES } from './life-cycle.ts';

/** What a device says of its firmware or software, in telemetry (thingsboard-device-api 3.12.1). */
export interface OtaReport {
  readonly kind: OtaKind;
  readonly version?: string;
  readonly title?: string;
  /** ThingsBoard's words: DOWNLOADING, DOWNLOADED, VERIFIED, UPDATING, UPDATED, FAILED. */
  readonly state?: string;
  readonly progress?: number;
  readonly error?: string;
}

const KEYS = OTA_KINDS.map((kind) => {
  const prefix = OTA_PREFIXES[kind];
  return {
    kind,
    version: `current_${prefix}_version`,
    title: `current_${prefix}_title`,
    state: `${prefix}_state`,
    error: `${prefix}_error`,
    progress: `${prefix}_progress`,
  };
});

/** One of these is in every report. */
const TELLING = new Set(KEYS.flatMap(({ version, state }) => [version, state]));
const NONE: readonly OtaReport[] = [];

/** The reports in a sample of telemetry. Asked of every sample, so cheap when there is none. */
export function readReports(values: JsonObject): readonly OtaReport[] {
  for (const key in values) if (TELLING.has(key)) return allReports(values);
  return NONE;
}

function allReports(values: JsonObject): readonly OtaReport[] {
  const reports: OtaReport[] = [];
  for (const { kind, ...keys } of KEYS) {
    const version = textOf(values, keys.version);
    const state = textOf(values, keys.state);
    if (version === undefined && state === undefined) continue;
    const title = textOf(values, keys.title);
    const error = textOf(values, keys.error);
    const progress = Object.hasOwn(values, keys.progress) ? Number(values[keys.progress]) : Number.NaN;
    reports.push({
      kind,
      ...(version === undefined ? {} : { version }),
      ...(title === undefined ? {} : { title }),
      ...(state === undefined ? {} : { state }),
      ...(error === undefined ? {} : { error }),
      ...(progress >= 0 && progress <= 100 ? { progress } : {}),
    });
  }
  return reports;
}

function textOf(values: JsonObject, key: string): string | undefined {
  const value: JsonValue | undefined = Object.hasOwn(values, key) ? values[key] : undefined;
  return typeof value === 'string' && value.length <= MAX_TEXT ? value : undefined;
}

const MAX_TEXT = 255;
/** Of how far a device is, when it says it by its state only. */
const PROGRESS: Readonly<Record<string, number>> = { DOWNLOADED: 100, VERIFIED: 100, UPDATING: 100, UPDATED: 100 };
const FAULT = /^([A-Z_]{1,32})(?::|$)/;

/**
 * The target after a report; undefined when it changes nothing. Only the new version proves success. A version that is not the
 * new one is a failure once the device has said that all is done, and the report speaks of no step on the way.
 */
export function afterReport(
  target: OtaTarget,
  report: OtaReport,
  campaign: OtaCampaign,
  now: number,
): OtaTarget | undefined {
  const { version, title, state, error = '' } = report;
  if (target.state === 'succeeded' || target.state === 'cancelled' || target.state === 'failed') return undefined;
  const titleFits = title === undefined || title === campaign.title;
  if (version === campaign.version && titleFits && state !== 'FAILED') {
    const { deadline: _, reason: __, ...rest } = target;
    return { ...rest, state: 'succeeded', progress: 100, changedAt: now };
  }
  if (target.attempts === 0 || target.state === 'waiting') return undefined;
  if (state === 'FAILED') return afterFailure(target, FAULT.exec(error)?.[1] ?? 'FAILED', campaign, now);
  const isFinal = version !== undefined && (state === undefined || state === 'UPDATED');
  if (isFinal && (target.progress === 100 || state === 'UPDATED')) {
    return afterFailure(target, 'VERSION_UNCHANGED', campaign, now);
  }
  const progress = report.progress ?? (state === undefined ? undefined : (PROGRESS[state] ?? 0));
  if (progress === undefined || progress === target.progress) return undefined;
  const deadline = target.deadline ?? now + campaign.timeoutMs;
  return { ...target, state: 'installing', progress, deadline, changedAt: now };
}

/** A try has failed: there is another one, or it is the end. */
export function afterFailure(target: OtaTarget, reason: string, campaign: OtaCampaign, now: number): OtaTarget {
  const { deadline: _, progress: __, ...rest } = target;
  if (target.attempts <= campaign.retries) return { ...rest, state: 'waiting', reason, changedAt: now };
  return { ...rest, state: 'failed', reason, ending: true, changedAt: now };
}
