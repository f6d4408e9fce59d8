import { createReadStream, createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { BrokerError } from '../../errors.ts';
import { SECTION_NAMES } from '../../storage/port-sections.ts';
import type { SectionName, Sections } from '../../storage/transfer.ts';
import { eachRecord } from './copy.ts';

/** Records of one section that follow each other. */
export interface RecordPage {
  readonly section: SectionName;
  readonly records: readonly object[];
}

/** The last line: what was cut off has none. */
const END = { end: true };

/** Writes every record into a new file: gzip, one page of records a line, as JSON. */
export async function writeRecords(sections: Sections, file: string): Promise<void> {
  const lines = new PassThrough();
  const done = pipeline(lines, createGzip({ level: 6 }), createWriteStream(file, { flags: 'wx', mode: 0o600 }));
  const write = async (line: object): Promise<void> => {
    if (!lines.write(`${JSON.stringify(line)}\n`)) await Promise.race([drained(lines), done]);
  };
  try {
    await eachRecord(sections, (section, { records }) => write({ section, records } satisfies RecordPage));
    await write(END);
    lines.end();
  } catch (error) {
    lines.destroy(error instanceof Error ? error : new Error(String(error)));
    await done.catch(() => undefined); // it is this very error
    throw error;
  }
  await done;
}

const drained = (stream: PassThrough): Promise<void> => new Promise((resolve) => stream.once('drain', resolve));

/** The pages of a file from `start` on. Throws FILE_INVALID when it is not what `writeRecords` wrote. */
export async function* readRecords(file: string, start: number): AsyncGenerator<RecordPage> {
  const invalid = (detail: string, cause?: unknown): BrokerError =>
    new BrokerError('FILE_INVALID', { file, detail }, cause === undefined ? {} : { cause });
  const plain = createGunzip();
  const read = pipeline(createReadStream(file, { start }), plain);
  read.catch(() => undefined); // the loop below meets it, too
  let ended = false;
  try {
    for await (const line of createInterface({ input: plain, crlfDelay: Number.POSITIVE_INFINITY })) {
      const page = JSON.parse(line) as Partial<RecordPage> & { readonly end?: boolean };
      ended = page.end === true;
      if (ended) continue;
      if (page.section === undefined || !SECTION_NAMES.includes(page.section) || !Array.isArray(page.records)) {
        throw invalid(
          `it holds records of an unknown kind (${String(page.section).slice(0, 40)}): restore it with its version`,
        );
      }
      if (!page.records.every((record) => typeof record === 'object' && record !== null)) {
        throw invalid('it holds records that are none');
      }
      yield { section: page.section, records: page.records };
    }
    await read;
  } catch (error) {
    if (error instanceof BrokerError) throw error;
    throw invalid('its records cannot be read', error);
  }
  if (!ended) throw invalid('its records end in the middle');
}
