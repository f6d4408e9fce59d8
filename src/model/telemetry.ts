import type { JsonObject, JsonValue } from './json.ts';

export const ATTRIBUTE_SCOPES = ['CLIENT_SCOPE', 'SHARED_SCOPE', 'SERVER_SCOPE'] as const;
export type AttributeScope = (typeof ATTRIBUTE_SCOPES)[number];

/** Tags that a device gives itself are client attributes whose keys begin so (registration-protocols section 2). */
export const TAG_PREFIX = 'tag_';

/** One reading: several keys at one instant. `ts` in milliseconds since 1970. */
export interface Sample {
  readonly ts: number;
  readonly values: JsonObject;
}

/** One stored value with its time: attribute (`ts` = last update) or series point. */
export interface TimedValue {
  readonly ts: number;
  readonly value: JsonValue;
}
