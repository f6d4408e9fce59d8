import type { EntityId } from '../model/entity.ts';
import type { JsonValue } from '../model/json.ts';
import type { Msg } from '../model/msg.ts';
import { oneOf, textMap } from '../schema/fields.ts';
import { MAX_KEYS } from './attribute-fetch.ts';
import type { EntityContext } from './entity-context.ts';
import { FETCH_TO, type FetchTo, withFetched } from './fetch.ts';
import { NodeFailure, type RawConfig } from './node-kind.ts';
import { compileText } from './template.ts';

export const DATA_TO_FETCH = ['ATTRIBUTES', 'LATEST_TELEMETRY', 'FIELDS'] as const;
export type DataToFetch = (typeof DATA_TO_FETCH)[number];

const dataMapping = (description: string) => textMap(description, { examples: [{ tariff: 'tariffOfCustomer' }] });

/** What the nodes share that copy values of another entity under names of their own. */
export const MAPPED_FETCH_FIELDS = {
  dataMapping: dataMapping('Key to read -> key to put; both may hold ${key} of the metadata and $[key] of the body.'),
  dataToFetch: oneOf('Server attributes, or latest telemetry.', ['ATTRIBUTES', 'LATEST_TELEMETRY'], {
    default: 'ATTRIBUTES',
  }),
  fetchTo: oneOf('Where the values go; into the metadata as texts.', FETCH_TO, { default: 'METADATA' }),
};

/** Version 0 had `telemetry`, a flag or its text, and `attrMapping`, and put into the metadata. */
export function upgradeMapping({ telemetry, attrMapping, ...old }: RawConfig): RawConfig {
  if (attrMapping === undefined && old.dataMapping === undefined) throw new NodeFailure('"attrMapping" is missing');
  if (telemetry === undefined && old.dataToFetch === undefined) throw new NodeFailure('"telemetry" is missing');
  const latest = telemetry === true || telemetry === 'true';
  return {
    ...old,
    dataToFetch: old.dataToFetch ?? (latest ? 'LATEST_TELEMETRY' : 'ATTRIBUTES'),
    dataMapping: old.dataMapping ?? attrMapping,
    fetchTo: old.fetchTo ?? 'METADATA',
  };
}

export function* lintMapping(mapping: Readonly<Record<string, string>>): Generator<{ at: string; problem: string }> {
  const count = Object.keys(mapping).length;
  if (count === 0) yield { at: '/dataMapping', problem: 'no key is mapped: nothing is fetched' };
  if (count > MAX_KEYS) yield { at: '/dataMapping', problem: `more than ${MAX_KEYS} keys are mapped` };
}

/** Copies the mapped values of an entity into the message; keys that it does not have are left out. */
export function compileMappedFetch(config: {
  readonly dataMapping: Readonly<Record<string, string>>;
  readonly dataToFetch: DataToFetch;
  readonly fetchTo: FetchTo;
}): (msg: Msg, of: EntityId, context: EntityContext) => Promise<Msg> {
  const mapping = Object.entries(config.dataMapping).map(([from, to]) => [compileText(from), compileText(to)] as const);
  return async (msg, of, context) => {
    const asked = mapping.map(([from, to]) => [from(msg), to(msg)] as const);
    const read = await readValues(config.dataToFetch, { of, keys: asked.map(([from]) => from), context });
    const found = asked.flatMap(([from, to]): [string, JsonValue][] => {
      const value = read(from);
      return value === undefined ? [] : [[to, value]];
    });
    return withFetched(msg, config.fetchTo, found);
  };
}

async function readValues(
  what: DataToFetch,
  { of, keys, context }: { readonly of: EntityId; readonly keys: readonly string[]; readonly context: EntityContext },
): Promise<(key: string) => JsonValue | undefined> {
  if (what === 'FIELDS') {
    const fields = (await context.readFields(of)) ?? {};
    return (key) => (Object.hasOwn(fields, key) ? (fields[key] ?? undefined) : undefined);
  }
  const values =
    what === 'ATTRIBUTES' ? await context.readAttributes(of, 'SERVER_SCOPE', keys) : await context.readLatest(of, keys);
  return (key) => values.get(key)?.value;
}
