import { BrokerError } from '../../errors.ts';
import type { Secret } from '../../model/secret.ts';
import type { SectionName } from '../../storage/transfer.ts';
import { keyCheckOf, storedKeyCheck } from '../instance-key.ts';
import { copyRecords, differences, firstFilled, type OnProgress, type Tallies, tallyRecords } from './copy.ts';
import { nameOf, type OpenPlace, openSource, openTarget, type Place } from './place.ts';
import { markFinished, markUnfinished, readUnfinished } from './unfinished.ts';

export interface MigrateOptions {
  readonly from: Place;
  readonly to: Place;
  /** Nothing is written. */
  readonly dryRun: boolean;
  /** The instance key that brokers on the target would have, where it is known. */
  readonly targetKey?: Secret;
  readonly onProgress?: (step: 'count' | 'copy' | 'verify', section: SectionName, records: number) => void;
}

export interface Migrated {
  readonly from: string;
  readonly to: string;
  readonly tallies: Tallies;
  /** Sections that are not the same in both; none of a dry run. */
  readonly different: readonly SectionName[];
  /** It went on with what an earlier run had left. */
  readonly resumed: boolean;
}

/**
 * Copies every record of a store into another one, and compares both. What a run that was cut short has left is marked as such,
 * refused by brokers, and finished by the next run. Throws BrokerError when one of them is in use, or the target is not empty.
 */
export async function migrate(options: MigrateOptions): Promise<Migrated> {
  const { from, to, dryRun, onProgress } = options;
  if (nameOf(from) === nameOf(to)) throw new BrokerError('BAD_REQUEST', { detail: 'both are the same store' });
  const told = (step: 'count' | 'copy' | 'verify'): OnProgress | undefined =>
    onProgress && ((section, records) => onProgress(step, section, records));
  const source = await openSource(from);
  try {
    await refuseHalf(source);
    const target = await openTarget(to, dryRun);
    if (target === undefined) return await count(source, nameOf(to), false, told('count'));
    try {
      const resumed = await checkTarget(source, target, options);
      if (dryRun) return await count(source, target.name, resumed, told('count'));
      const keyCheck = await storedKeyCheck(source.storage);
      await markUnfinished(target.storage, { from: source.name, ...(keyCheck === undefined ? {} : { keyCheck }) });
      await source.storage.transfer.finish();
      const tallies = await copyRecords(source.sections, target.sections, told('copy'));
      const different = differences(tallies, await tallyRecords(target.sections, told('verify')));
      for (const place of [source, target]) await place.checkUnused();
      if (different.length === 0) await markFinished(target.storage);
      return { from: source.name, to: target.name, resumed, tallies, different };
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

async function count(source: OpenPlace, to: string, resumed: boolean, told?: OnProgress): Promise<Migrated> {
  return { from: source.name, to, resumed, tallies: await tallyRecords(source.sections, told), different: [] };
}

async function refuseHalf({ name, storage }: OpenPlace): Promise<void> {
  const half = await readUnfinished(storage);
  if (half === undefined) return;
  const detail = `${name} is itself the unfinished target of a move from ${half.from}: finish that first`;
  throw new BrokerError('STORE_UNAVAILABLE', { detail });
}

/** True when the target is what an earlier run of the same move has left. */
async function checkTarget(source: OpenPlace, target: OpenPlace, { targetKey }: MigrateOptions): Promise<boolean> {
  const wanted = await storedKeyCheck(source.storage);
  const there = await storedKeyCheck(target.storage);
  const given = targetKey && keyCheckOf(targetKey);
  for (const [check, where] of [
    [there, 'the data there was written with another one'],
    [given, 'the key that is given for it is another one'],
  ] as const) {
    if (wanted === undefined || check === undefined || check === wanted) continue;
    const detail = `${target.name} does not have the instance key of ${source.name}: ${where}`;
    throw new BrokerError('SECRET_KEY_MISMATCH', { detail });
  }
  const half = await readUnfinished(target.storage);
  if (half !== undefined) {
    if (half.from === source.name && half.keyCheck === wanted) return true;
    const detail = `${target.name} is the unfinished target of a move from ${half.from}: finish that, or empty it`;
    throw new BrokerError('BAD_REQUEST', { detail });
  }
  const filled = await firstFilled(target.sections);
  if (filled === undefined) return false;
  throw new BrokerError('BAD_REQUEST', { detail: `${target.name} is not empty (${filled}): move into an empty store` });
}
