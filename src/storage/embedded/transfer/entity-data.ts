import { stringifyJson } from '../../../model/json.ts';
import { ATTRIBUTE_SCOPES } from '../../../model/telemetry.ts';
import { type HistoryPart, historyParts, type TextSample } from '../../history-parts.ts';
import { corrupt, isInexact, storedObject } from '../../stored-json.ts';
import type { Sections, TextValue, TransferItems } from '../../transfer.ts';
import { putAttributes, SCOPE_BYTES, unpackAttribute } from '../attributes.ts';
import { EMPTY_HEAD, fragments, packFragments } from '../head.ts';
import { bucketOf, HISTORY_KEY_BYTES, hours, writeHistoryKey } from '../history.ts';
import { ID_BYTES, idText, newIdKey } from '../keys.ts';
import type { Fragment } from '../latest.ts';
import { createPacker, sampleTextOf } from '../samples.ts';
import { entriesOf, groupsOf, keysOf, section, type TransferParts } from './section.ts';

/** The whole of an entity's history, for `hours`. */
const ALWAYS = { keys: [], startTs: -(2 ** 53), endTs: 2 ** 53, limit: 1, order: 'ASC' } as const;

/** Attributes and telemetry. */
export function entityDataSections(parts: TransferParts): Pick<Sections, 'attributes' | 'latest' | 'history'> {
  const { tables } = parts.environment;
  const packer = createPacker();
  return {
    attributes: section(
      parts,
      () => attributes(parts),
      (tx, { entityId, scope, values }) => {
        const id = newIdKey(entityId);
        for (const [key, ts, text] of values) {
          putAttributes(tables, tx, { id, scope, ts, texts: [[key, text]], onlyOnChange: false });
        }
      },
    ),
    latest: section(
      parts,
      function* () {
        for (const { key, value } of entriesOf(tables.heads)) {
          const values = latestOf(value);
          if (values.length > 0) yield { entityId: idText(key), values };
        }
      },
      (_, { entityId, values }) => {
        packFragments(packer, fragmentsOf(values));
        tables.heads.put(newIdKey(entityId), packer.bytes());
      },
    ),
    history: section(
      parts,
      () => histories(parts),
      (tx, { entityId, part, samples }) => {
        const id = newIdKey(entityId);
        if (!tables.heads.has(id)) tables.heads.put(id, EMPTY_HEAD);
        const sequence = part + 1;
        // Samples that come later must count as later.
        tx.reach(sequence);
        const key = Buffer.alloc(HISTORY_KEY_BYTES);
        id.copy(key);
        for (const [bucket, run] of groupsOf(samples, ([ts]) => bucketOf(ts))) {
          packer.reset();
          for (const [ts, text] of run) packer.sample(ts, text);
          writeHistoryKey(key, bucket, sequence);
          tables.history.put(key, packer.bytes());
        }
      },
    ),
  };
}

function* attributes({ environment: { tables } }: TransferParts): Generator<TransferItems['attributes']> {
  type Found = { readonly order: number; readonly value: TextValue };
  let prefix: Buffer | undefined;
  let found: Found[] = [];
  const scopeOf = (byte: number | undefined) => {
    const scope = ATTRIBUTE_SCOPES.find((one) => SCOPE_BYTES[one] === byte);
    if (scope === undefined) throw corrupt('an attribute has no scope');
    return scope;
  };
  const whole = (at: Buffer): TransferItems['attributes'] => ({
    entityId: idText(at),
    scope: scopeOf(at[ID_BYTES]),
    values: found.sort((a, b) => a.order - b.order).map(({ value }) => value),
  });
  for (const { key, value } of entriesOf(tables.attributes)) {
    const at = key.subarray(0, ID_BYTES + 1);
    if (prefix !== undefined && !prefix.equals(at)) {
      yield whole(prefix);
      found = [];
    }
    prefix = at;
    const { order, ts, key: name, text } = unpackAttribute(value);
    found.push({ order, value: [name, ts, text] });
  }
  if (prefix !== undefined) yield whole(prefix);
}

function latestOf(head: Buffer): readonly TextValue[] {
  const values: TextValue[] = [];
  for (const { ts, keys, text } of fragments(head)) {
    const all = storedObject(text);
    for (const key of JSON.parse(keys) as string[]) values.push([key, ts, stringifyJson(all[key] ?? null)]);
  }
  return values.sort(([a], [b]) => (a < b ? -1 : 1));
}

/** What makes the numbers of a text inexact stands alone. */
function fragmentsOf(values: readonly TextValue[]): readonly Fragment[] {
  const alone = values.filter(([key, , text]) => isInexact(text) || isInexact(JSON.stringify(key)));
  const others = values.filter((value) => !alone.includes(value));
  const runs = [...groupsOf(others, ([, ts]) => ts).values(), ...alone.map((value) => [value])];
  return runs.map((run) => ({
    ts: run[0]?.[1] ?? 0,
    keys: JSON.stringify(run.map(([key]) => key)),
    text: `{${run.map(([key, , text]) => `${JSON.stringify(key)}:${text}`).join()}}`,
  }));
}

async function* histories(parts: TransferParts): AsyncGenerator<HistoryPart> {
  for (const id of keysOf(parts.environment.tables.heads)) {
    yield* historyParts(idText(id), samplesOf(parts, id));
  }
}

function* samplesOf({ environment }: TransferParts, id: Buffer): Generator<TextSample> {
  const { heads, history } = environment.tables;
  const snapshot = environment.snapshot();
  try {
    const head = heads.get(id, snapshot) ?? EMPTY_HEAD;
    const query = { ...ALWAYS, entityId: idText(id) };
    for (const hour of hours(history, { id, head, snapshot }, query)) {
      // A stable sort keeps the order of writing among equal times.
      const sorted = hour.sort((a, b) => a.sample.ts - b.sample.ts);
      for (const { record, sample } of sorted) yield [sample.ts, sampleTextOf(record, sample)];
    }
  } finally {
    snapshot.done();
  }
}
