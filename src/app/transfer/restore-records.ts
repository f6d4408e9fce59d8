import { BrokerError } from '../../errors.ts';
import { SECTION_NAMES, SECTIONS } from '../../storage/port-sections.ts';
import type { Section, SectionName } from '../../storage/transfer.ts';
import { differences, firstFilled, type Tallies, tallyRecords } from './copy.ts';
import { canonicalText, createTallier } from './digest.ts';
import { createKnown } from './known.ts';
import { openTarget, type Place } from './place.ts';
import { readRecords } from './record-file.ts';
import { markFinished, markUnfinished, readUnfinished } from './unfinished.ts';

export interface RestoreRecords {
  readonly file: string;
  /** Where in the file the records begin. */
  readonly start: number;
  /** What tells this backup from others. */
  readonly sha256: string;
  /** When it was begun, ms. */
  readonly asOf: number;
  readonly to: Place;
  readonly onProgress?: (section: SectionName, records: number) => void;
}

/**
 * Writes the records of a backup into an empty store, or into what an earlier try has left of the same backup, and compares what
 * is there then. Gives how many devices there are, and records that were left out since what they rest on was deleted meanwhile.
 */
export async function restoreRecords(
  options: RestoreRecords,
): Promise<{ readonly devices: number; readonly leftOut: number }> {
  const { file, start, to, onProgress } = options;
  const target = await openTarget(to, false);
  if (target === undefined) throw new Error('a target that is written is always opened');
  try {
    const { storage, sections } = target;
    const from = `backup ${options.sha256.slice(0, 16)}`;
    const half = await readUnfinished(storage);
    const filled = half === undefined ? await firstFilled(sections) : undefined;
    if (filled !== undefined || (half !== undefined && half.from !== from)) {
      const detail = `${target.name} is not empty (${filled ?? `half of ${half?.from}`}): restore into an empty store`;
      throw new BrokerError('BAD_REQUEST', { detail });
    }
    await markUnfinished(storage, { from });
    const talliers = new Map(SECTION_NAMES.map((name) => [name, createTallier(SECTIONS[name])]));
    const known = createKnown(options.asOf);
    let leftOut = 0;
    for await (const { section, records } of readRecords(file, start)) {
      const tallier = talliers.get(section);
      const at = tallier?.tally().records ?? 0;
      const kept = await asWritten(section, async () => {
        const all = records.filter((record) => known.keeps(section, record));
        await (sections[section] as Section<object>).put(all, at);
        return all;
      });
      leftOut += records.length - kept.length;
      for (const record of kept) tallier?.add(canonicalText(record));
      onProgress?.(section, at + kept.length);
    }
    const wanted = Object.fromEntries([...talliers].map(([name, tallier]) => [name, tallier.tally()])) as Tallies;
    const different = differences(wanted, await tallyRecords(sections));
    if (different.length > 0) {
      const detail = `what was written into ${target.name} is not what the backup holds (${different.join(', ')})`;
      throw new BrokerError('STORE_CORRUPT', { detail });
    }
    await target.checkUnused();
    await markFinished(storage);
    return { devices: await storage.registry.deviceCount(), leftOut };
  } finally {
    await target.close();
  }
}

/** A record of another form trips the code that stores it: then it is the file that is wrong. */
async function asWritten<T>(section: SectionName, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const tripped = error instanceof BrokerError ? error.cause : error;
    if (!(tripped instanceof TypeError || tripped instanceof RangeError)) throw error;
    const detail = `its records of ${section} are not as gridmoor writes them`;
    throw new BrokerError('FILE_INVALID', { detail }, { cause: error });
  }
}
