import { isJsonObject, type JsonObject, type JsonValue } from '../../model/json.ts';
import { type Decoded, decoded, NO_TIME, objectOf, own, problem, timeOf } from '../values.ts';

/** One item `{measurepoints: {m: v | {value, quality}}, time}` as a sample `{ts, values}`; quality stands as `{m}_quality`. */
export function readMeasurepoints(item: JsonValue | undefined, now: number): Decoded<JsonObject> {
  const points = isJsonObject(item) ? own(item, 'measurepoints') : undefined;
  if (!isJsonObject(item) || !isJsonObject(points)) return problem('"measurepoints" must be an object');
  const ts = timeOf(item, now);
  if (ts === undefined) return problem(NO_TIME);
  const values: [string, JsonValue][] = [];
  for (const [id, point] of Object.entries(points)) {
    const value = isJsonObject(point) ? own(point, 'value') : undefined;
    if (!isJsonObject(point) || value === undefined) {
      values.push([id, point]);
      continue;
    }
    values.push([id, value]);
    const quality = own(point, 'quality');
    if (quality !== undefined) values.push([`${id}_quality`, quality]);
  }
  return decoded({ ts, values: objectOf(values) });
}
