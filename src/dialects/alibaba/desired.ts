import { isJsonObject, type JsonValue } from '../../model/json.ts';
import { isOtaKey, readOf } from '../attributes.ts';
import { type Operation, refuse, reply } from '../operation.ts';
import { unreadable } from '../uplinks.ts';
import { objectOf, texts } from '../values.ts';

const LIMITED = refuse('rateLimited', 'too many messages');

/** Desired values are the shared attributes of the device; a version is the time when its value was set, ms. */
export const getDesired: Operation = async (thing, { params }) => {
  const keys = texts(params, 'properties');
  if (!keys) return unreadable(thing, '"params" must be a list of names');
  const found = await readOf(thing, 'SHARED_SCOPE', keys);
  if (!found) return LIMITED;
  const desired = [...found].filter(([key]) => !isOtaKey(key));
  return reply('ok', objectOf(desired.map(([key, { value, ts }]) => [key, { value, version: ts }])));
};

/** `{id: {version}}`: a value that has been set anew since is left; `{}` = all. */
export const deleteDesired: Operation = async (thing, { params }) => {
  if (!isJsonObject(params)) return unreadable(thing, '"params" must be an object');
  const found = await readOf(thing, 'SHARED_SCOPE', Object.keys(params));
  if (!found) return LIMITED;
  const gone = [...found].filter(([key, { ts }]) => !isOtaKey(key) && !isNewer(ts, versionOf(params[key])));
  await thing.api.deleteAttributes(
    thing.device.id,
    'SHARED_SCOPE',
    gone.map(([key]) => key),
  );
  return reply('ok', {});
};

const versionOf = (member: JsonValue | undefined): number =>
  Number(isJsonObject(member) ? String(member.version) : NaN);
const isNewer = (ts: number, version: number): boolean => Number.isFinite(version) && ts > version;
