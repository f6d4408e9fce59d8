import { SECTION_NAMES, SECTIONS } from '../../storage/port-sections.ts';
import type { Section, SectionName, Sections } from '../../storage/transfer.ts';
import { canonicalText, createTallier, type Tally } from './digest.ts';
import { UNFINISHED } from './unfinished.ts';

export type Tallies = Readonly<Record<SectionName, Tally>>;
/** Told after every page, with the number of records of the section so far. */
export type OnProgress = (section: SectionName, records: number) => void;

/** A section whose type of record does not matter here: what one store gives, another takes. */
type AnySection = Section<object>;

const MOST_RECORDS = 256;
const MOST_LENGTH = 512 * 1024;

interface Batch {
  readonly records: readonly object[];
  /** Records of the section before these. */
  readonly at: number;
}

/** Reads every record, hands them on in pages, section by section, and tallies them. */
export async function eachRecord(
  sections: Sections,
  use: (name: SectionName, batch: Batch) => Promise<void>,
  onProgress: OnProgress = () => undefined,
): Promise<Tallies> {
  const tallies: Partial<Record<SectionName, Tally>> = {};
  for (const name of SECTION_NAMES) {
    const tallier = createTallier(SECTIONS[name]);
    for await (const batch of batchesOf(name, sections[name] as AnySection)) {
      for (const text of batch.texts) tallier.add(text);
      await use(name, batch);
      onProgress(name, batch.at + batch.records.length);
    }
    tallies[name] = tallier.tally();
  }
  return tallies as Tallies;
}

async function* batchesOf(
  name: SectionName,
  section: AnySection,
): AsyncGenerator<Batch & { readonly texts: readonly string[] }> {
  let records: object[] = [];
  let texts: string[] = [];
  let length = 0;
  let at = 0;
  for await (const record of section.items()) {
    if (name === 'settings' && (record as { name?: unknown }).name === UNFINISHED) continue;
    const text = canonicalText(record);
    if (records.length > 0 && (records.length >= MOST_RECORDS || length + text.length > MOST_LENGTH)) {
      yield { records, texts, at };
      at += records.length;
      records = [];
      texts = [];
      length = 0;
    }
    records.push(record);
    texts.push(text);
    length += text.length;
  }
  if (records.length > 0) yield { records, texts, at };
}

/** Writes every record of the source into the target; again changes nothing. */
export const copyRecords = (source: Sections, target: Sections, onProgress?: OnProgress): Promise<Tallies> =>
  eachRecord(source, (name, { records, at }) => (target[name] as AnySection).put(records, at), onProgress);

export const tallyRecords = (sections: Sections, onProgress?: OnProgress): Promise<Tallies> =>
  eachRecord(sections, async () => undefined, onProgress);

/** The first section that holds a record. */
export async function firstFilled(sections: Sections): Promise<SectionName | undefined> {
  for (const name of SECTION_NAMES) {
    for await (const _ of batchesOf(name, sections[name] as AnySection)) return name;
  }
  return undefined;
}

/** Sections in which two stores differ. */
export const differences = (a: Tallies, b: Tallies): readonly SectionName[] =>
  SECTION_NAMES.filter((name) => a[name].records !== b[name].records || a[name].digest !== b[name].digest);
