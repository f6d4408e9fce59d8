import type { EntityId } from '../model/entity.ts';
import type { JsonValue } from '../model/json.ts';
import type { Msg } from '../model/msg.ts';
import type { TimedValue } from '../model/telemetry.ts';
import { flag, oneOf, texts } from '../schema/fields.ts';
import type { EntityContext } from './entity-context.ts';
import { FETCH_TO, type FetchTo, withFetched } from './fetch.ts';
import { NodeFailure, type RawConfig } from './node-kind.ts';
import { compileText } from './template.ts';

/** Keys that one node may ask for. */
export const MAX_KEYS = 64;

const keys = (what: string) => texts(`${what}; \${key} is metadata, $[key] the body.`, { default: [] });

/** What the nodes share that fetch attributes and latest telemetry of one entity. */
export const ATTRIBUTE_FETCH_FIELDS = {
  clientAttributeNames: keys('Client attributes, put with the prefix cs_'),
  sharedAttributeNames: keys('Shared attributes, put with the prefix shared_'),
  serverAttributeNames: keys('Server attributes, put with the prefix ss_'),
  latestTsKeyNames: keys('Latest telemetry, put without a prefix'),
  tellFailureIfAbsent: flag('Whether a missing key is a failure; what was found is in the message all the same.', {
    default: true,
  }),
  getLatestValueWithTs: flag('Put latest telemetry as {"ts", "value"}.', { default: false }),
  fetchTo: oneOf('Where the values go; into the metadata as texts.', FETCH_TO, { default: 'METADATA' }),
};

export interface AttributeFetch {
  readonly clientAttributeNames: readonly string[];
  readonly sharedAttributeNames: readonly string[];
  readonly serverAttributeNames: readonly string[];
  readonly latestTsKeyNames: readonly string[];
  readonly tellFailureIfAbsent: boolean;
  readonly getLatestValueWithTs: boolean;
  readonly fetchTo: FetchTo;
}

/** Version 0 had a flag for the place; absent, it meant the metadata. */
export function upgradeFetchTo({ fetchToData, ...old }: RawConfig): RawConfig {
  return { ...old, fetchTo: fetchToData === true || fetchToData === 'true' ? 'DATA' : 'METADATA' };
}

export function* lintAttributeFetch(
  config: AttributeFetch,
): Generator<{ at: string; problem: string; level?: 'warning' }> {
  const { clientAttributeNames, sharedAttributeNames, serverAttributeNames, latestTsKeyNames } = config;
  const count =
    clientAttributeNames.length + sharedAttributeNames.length + serverAttributeNames.length + latestTsKeyNames.length;
  if (count > MAX_KEYS) yield { at: '', problem: `more than ${MAX_KEYS} keys are asked for` };
  if (count === 0) yield { at: '', problem: 'no key is asked for: nothing is fetched', level: 'warning' };
}

/** Reads what the config asks for of an entity into the message. */
export function compileAttributeFetch(
  config: AttributeFetch,
): (msg: Msg, of: EntityId, context: EntityContext) => Promise<Msg> {
  const scopes = (
    [
      ['CLIENT_SCOPE', 'cs_', config.clientAttributeNames],
      ['SHARED_SCOPE', 'shared_', config.sharedAttributeNames],
      ['SERVER_SCOPE', 'ss_', config.serverAttributeNames],
    ] as const
  ).flatMap(([scope, prefix, names]) => (names.length > 0 ? [{ scope, prefix, names: names.map(compileText) }] : []));
  const latestNames = config.latestTsKeyNames.map(compileText);
  return async (msg, of, context) => {
    const found: [string, JsonValue][] = [];
    const absent: string[] = [];
    const take = (asked: readonly string[], prefix: string, values: ReadonlyMap<string, TimedValue>, ts: boolean) => {
      for (const key of asked) {
        const value = values.get(key);
        if (value === undefined) absent.push(`${prefix}${key}`);
        else found.push([`${prefix}${key}`, ts ? { ts: value.ts, value: value.value } : value.value]);
      }
    };
    for (const { scope, prefix, names } of scopes) {
      const asked = names.map((name) => name(msg));
      take(asked, prefix, await context.readAttributes(of, scope, asked), false);
    }
    if (latestNames.length > 0) {
      const asked = latestNames.map((name) => name(msg));
      take(asked, '', await context.readLatest(of, asked), config.getLatestValueWithTs);
    }
    const enriched = withFetched(msg, config.fetchTo, found);
    if (absent.length > 0 && config.tellFailureIfAbsent) {
      throw new NodeFailure(`has no value for ${absent.join(', ')}`, enriched);
    }
    return enriched;
  };
}
