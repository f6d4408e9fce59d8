import { ExactNumber, isJsonObject, type JsonObject, type JsonValue } from '../../model/json.ts';
import { type Decoded, decoded, NO_TIME, objectOf, own, problem, timeOf } from '../values.ts';

/** Properties `{id: v | {value, time}}` as samples `{ts, values}`, one for each time. */
export function readProperties(params: JsonValue | undefined, now: number): Decoded<JsonValue> {
  if (!isJsonObject(params)) return problem('"params" must be an object of properties');
  const byTime = new Map<string, { readonly ts: JsonValue; readonly values: [string, JsonValue][] }>();
  for (const [id, property] of Object.entries(params)) {
    const value = isJsonObject(property) ? own(property, 'value') : undefined;
    const timed = isJsonObject(property) && value !== undefined;
    const ts = timed ? timeOf(property, now) : now;
    if (ts === undefined) return problem(NO_TIME);
    const key = ts instanceof ExactNumber ? ts.text : String(ts);
    const sample = byTime.get(key) ?? { ts, values: [] };
    sample.values.push([id, timed ? value : property]);
    byTime.set(key, sample);
  }
  const samples = [...byTime.values()].map(({ ts, values }): JsonObject => ({ ts, values: objectOf(values) }));
  const [only] = samples;
  if (only === undefined) return problem('"params" has no property');
  return decoded(samples.length === 1 ? only : samples);
}
