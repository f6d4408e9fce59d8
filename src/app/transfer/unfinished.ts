import { BrokerError } from '../../errors.ts';
import type { Storage } from '../../storage/storage.ts';

/** Name of the setting of a store into which records are being written, as long as it is not whole. */
export const UNFINISHED = 'unfinished-move';

/** Where the records come from, and whose key they need. */
export interface Unfinished {
  readonly from: string;
  readonly keyCheck?: string;
}

export async function readUnfinished({ settings }: Pick<Storage, 'settings'>): Promise<Unfinished | undefined> {
  const text = await settings.get(UNFINISHED);
  return text === undefined ? undefined : (JSON.parse(text) as Unfinished);
}

export const markUnfinished = ({ settings }: Pick<Storage, 'settings'>, mark: Unfinished): Promise<void> =>
  settings.put(UNFINISHED, JSON.stringify(mark));

export const markFinished = ({ settings }: Pick<Storage, 'settings'>): Promise<void> => settings.remove(UNFINISHED);

/** A broker must not run on half of a store. Throws STORE_UNAVAILABLE. */
export async function refuseUnfinished(storage: Pick<Storage, 'settings'>): Promise<void> {
  const unfinished = await readUnfinished(storage);
  if (unfinished === undefined) return;
  const detail = `records are still being written into this store from ${unfinished.from}: run that command again until it has ended`;
  throw new BrokerError('STORE_UNAVAILABLE', { detail });
}
