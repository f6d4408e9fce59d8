import { ATTRIBUTE_SCOPES } from '../../../model/telemetry.ts';
import { type HistoryPart, historyParts, type TextSample } from '../../history-parts.ts';
import { textAsRead } from '../../stored-json.ts';
import type { Sections, TextValue } from '../../transfer.ts';
import { attributeField, attributeText, readTexts as attributeTexts } from '../attribute-store.ts';
import { readChunks, readIndex, readSpan } from '../chunks.ts';
import type { Word } from '../connection.ts';
import { attributesKey, chunkIndexKey, chunksKey, latestKey, openKey } from '../keys.ts';
import { HIGHEST, latestField, readTexts as latestTexts } from '../latest.ts';
import type { Queue } from '../queue.ts';
import { memberOf, packChunk, sampleOf, sampleText, unpackChunk } from '../samples.ts';
import { entityPages, sectionOfEntities, type TransferParts } from './section.ts';

type Names = 'attributes' | 'latest' | 'history';
type Command = readonly [command: string, words: readonly Word[]];

/** Entities that are read at once. */
const ENTITIES_AT_ONCE = 50;
/** Chunks that are read at once. */
const CHUNKS_AT_ONCE = 64;

/** Attributes and telemetry. */
export function entityDataSections(parts: TransferParts): Pick<Sections, Names> {
  const { queue } = parts;
  return {
    attributes: sectionOfEntities(
      parts,
      async function* () {
        for await (const ids of smallPages(queue)) {
          const places = ids.flatMap((entityId) => ATTRIBUTE_SCOPES.map((scope) => ({ entityId, scope })));
          const found = await Promise.all(
            places.map(({ entityId, scope }) => attributeTexts(queue, attributesKey(entityId, scope))),
          );
          for (const [at, place] of places.entries()) {
            const values = found[at] ?? [];
            if (values.length > 0) yield { ...place, values };
          }
        }
      },
      ({ entityId, scope, values }) => {
        const fields = values.flatMap(([key, ts, text], at): Word[] => [
          attributeField(key),
          attributeText(at + 1, ts, text),
        ]);
        return [['hset', [attributesKey(entityId, scope), '#', values.length, ...fields]]];
      },
    ),
    latest: sectionOfEntities(
      parts,
      async function* () {
        for await (const ids of smallPages(queue)) {
          const found = await Promise.all(ids.map((id) => latestTexts(queue, id, undefined)));
          for (const [at, entityId] of ids.entries()) {
            const values = (found[at] ?? []).map(([key, line]): TextValue => {
              const { ts, text } = sampleOf(line);
              return [key, ts, textAsRead(text)];
            });
            if (values.length > 0) yield { entityId, values: values.sort(([a], [b]) => (a < b ? -1 : 1)) };
          }
        }
      },
      ({ entityId, values }) => {
        const highest = values.reduce((most, [, ts]) => Math.max(most, ts), Number.NEGATIVE_INFINITY);
        const fields = values.flatMap(([key, ts, text]) => [latestField(key), sampleText(ts, text)]);
        return [['hset', [latestKey(entityId), HIGHEST, highest, ...fields]]];
      },
    ),
    history: withSpans(
      queue,
      sectionOfEntities(
        parts,
        async function* () {
          for await (const ids of smallPages(queue)) {
            const open = await Promise.all(ids.map((id) => queue.send('lrange', [openKey(id), 0, -1])));
            for (const [at, id] of ids.entries()) {
              yield* historyParts(id, samplesOf(queue, id, open[at] as readonly string[]));
            }
          }
        },
        chunkCommands,
      ),
    ),
  };
}

function chunkCommands({ entityId, part, samples }: HistoryPart): readonly Command[] {
  const chunk = packChunk(samples.map(([ts, text]) => ({ ts, text })));
  const number = part + 1;
  return [
    ['hset', [chunksKey(entityId), number, chunk.bytes, '#', number]],
    ['zadd', [chunkIndexKey(entityId), chunk.first, memberOf(number, chunk)]],
  ];
}

/** The longest time that a chunk of an entity spans is noted beside its chunks. */
function withSpans(queue: Queue, history: Sections['history']): Sections['history'] {
  return {
    items: history.items,
    async put(parts, at) {
      const spans = new Map<string, number>();
      for (const { entityId, samples } of parts) {
        const span = (samples.at(-1)?.[0] ?? 0) - (samples[0]?.[0] ?? 0);
        spans.set(entityId, Math.max(spans.get(entityId) ?? 0, span));
      }
      const note = async ([id, span]: readonly [string, number]): Promise<void> => {
        if (span > (await readSpan(queue, id))) await queue.send('hset', [chunksKey(id), 's', span]);
      };
      await queue.write(0, () => Promise.all([...spans].map(note)));
      await history.put(parts, at);
    },
  };
}

async function* smallPages(queue: Queue): AsyncGenerator<readonly string[]> {
  for await (const page of entityPages(queue)) {
    for (let at = 0; at < page.length; at += ENTITIES_AT_ONCE) {
      yield page.slice(at, at + ENTITIES_AT_ONCE).map(({ id }) => id);
    }
  }
}

interface Met {
  readonly ts: number;
  /** Of one time, the later chunk has the later write. */
  readonly chunk: number;
  readonly text: string;
}

/** In order of time, those of one time in the order of their writing. @param open read before anything else. */
async function* samplesOf(queue: Queue, id: string, open: readonly string[]): AsyncGenerator<TextSample> {
  let met: Met[] = open.map(sampleOf).map(({ ts, text }) => ({ ts, text, chunk: Number.POSITIVE_INFINITY }));
  for await (const { number, first, bytes } of chunksOf(queue, id)) {
    met.sort((a, b) => a.ts - b.ts || a.chunk - b.chunk);
    // No chunk behind this one begins earlier.
    const behind = met.findIndex(({ ts }) => ts >= first);
    const done = behind < 0 ? met : met.slice(0, behind);
    for (const { ts, text } of done) yield [ts, text];
    met = behind < 0 ? [] : met.slice(behind);
    for (const { ts, text } of unpackChunk(bytes)) met.push({ ts, text, chunk: number });
  }
  met.sort((a, b) => a.ts - b.ts || a.chunk - b.chunk);
  for (const { ts, text } of met) yield [ts, text];
}

async function* chunksOf(
  queue: Queue,
  id: string,
): AsyncGenerator<{ readonly number: number; readonly first: number; readonly bytes: Buffer }> {
  let from: string | number = '-inf';
  let seen = new Set<string>();
  for (let limit = CHUNKS_AT_ONCE; ; ) {
    const page = await readIndex(queue, id, { from, to: '+inf', limit });
    const fresh = page.filter(({ member }) => !seen.has(member));
    const chunks = await readChunks(queue, id, fresh);
    for (const [at, { number, first }] of fresh.entries()) {
      const bytes = chunks[at];
      if (bytes !== undefined) yield { number, first, bytes };
    }
    const last = page.at(-1);
    if (last === undefined || page.length < limit) return;
    limit = fresh.length === 0 ? limit * 2 : CHUNKS_AT_ONCE;
    seen = new Set(page.map(({ member }) => member));
    from = last.first;
  }
}
