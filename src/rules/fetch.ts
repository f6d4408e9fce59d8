import { type JsonValue, stringifyJson } from '../model/json.ts';
import { type Msg, withMsg } from '../model/msg.ts';
import { dataObject } from './node-kind.ts';
import { copyRecord, setOwn } from './record.ts';

/** Where enrichment nodes put what they found. */
export const FETCH_TO = ['METADATA', 'DATA'] as const;
export type FetchTo = (typeof FETCH_TO)[number];

/** The message with these values; in the metadata as texts. @throws NodeFailure for DATA when the body has no members. */
export function withFetched(msg: Msg, fetchTo: FetchTo, values: Iterable<readonly [string, JsonValue]>): Msg {
  if (fetchTo === 'METADATA') {
    const metadata = copyRecord(msg.metadata);
    for (const [key, value] of values) setOwn(metadata, key, metadataText(value));
    return withMsg(msg, { metadata });
  }
  const data = copyRecord(dataObject(msg));
  for (const [key, value] of values) setOwn(data, key, value);
  return withMsg(msg, { data });
}

/** A value as metadata hold it: texts as they are, everything else as JSON. */
export const metadataText = (value: JsonValue): string => (typeof value === 'string' ? value : stringifyJson(value));
