import type { Clock } from '../model/clock.ts';
import type { DeviceId } from '../model/ids.ts';
import type { JsonObject } from '../model/json.ts';
import type { OtaKind, OtaPackage } from '../model/ota.ts';
import type { TelemetryStore } from '../storage/telemetry-store.ts';

/** Shared attributes, stored and pushed to the device. */
export interface SharedAttributes {
  save(id: DeviceId, values: JsonObject): Promise<unknown>;
  /** The device hears of those that existed. */
  remove(id: DeviceId, keys: readonly string[]): Promise<unknown>;
}

export interface LifeCycleParts {
  readonly telemetry: TelemetryStore;
  readonly attributes: SharedAttributes;
  readonly clock: Clock;
}

/** First part of the keys of a kind. */
export const OTA_PREFIXES = { firmware: 'fw', software: 'sw' } as const satisfies Record<OtaKind, string>;

const KEYS = ['title', 'version', 'ts', 'state', 'size', 'checksum', 'checksum_algorithm', 'url', 'tag'] as const;

/** Tells a device what to install: telemetry of the target, then shared attributes (thingsboard-device-api 3.12.1). */
export async function announcePackage(id: DeviceId, entry: OtaPackage, parts: LifeCycleParts): Promise<void> {
  const { telemetry, attributes, clock } = parts;
  const { title, version, tag, url, content } = entry;
  const prefix = OTA_PREFIXES[entry.kind];
  const ts = clock.now();
  const target: JsonObject = {
    [`target_${prefix}_title`]: title,
    [`target_${prefix}_version`]: version,
    ...(tag === undefined ? {} : { [`target_${prefix}_tag`]: tag }),
    [`target_${prefix}_ts`]: ts,
    [`${prefix}_state`]: 'QUEUED',
  };
  await telemetry.save({ entityId: id, ts, values: target });
  // A point of its own: at the same time it would replace the other in the history.
  const later = Math.max(clock.now(), ts + 1);
  await telemetry.save({ entityId: id, ts: later, values: { [`${prefix}_state`]: 'INITIATED' } });
  const values: Record<string, string | number> = {
    [`${prefix}_title`]: title,
    [`${prefix}_version`]: version,
    ...(tag === undefined ? {} : { [`${prefix}_tag`]: tag }),
    ...(url === undefined ? {} : { [`${prefix}_url`]: url }),
    ...(content === undefined
      ? {}
      : {
          [`${prefix}_size`]: content.size,
          [`${prefix}_checksum_algorithm`]: content.checksumAlgorithm,
          [`${prefix}_checksum`]: content.checksum,
        }),
  };
  await attributes.remove(
    id,
    otaKeys(entry.kind).filter((key) => !Object.hasOwn(values, key)),
  );
  await attributes.save(id, values);
}

/** The device has no package of this kind any more. */
export async function withdrawPackage(id: DeviceId, kind: OtaKind, { attributes }: LifeCycleParts): Promise<void> {
  await attributes.remove(id, otaKeys(kind));
}

const otaKeys = (kind: OtaKind): readonly string[] => KEYS.map((key) => `${OTA_PREFIXES[kind]}_${key}`);
