import { CommandFailure, type Io } from './io.ts';
import { progressOf } from './progress.ts';

interface Work<T> {
  /** For people: `importing`. */
  readonly what: string;
  /** What they are counted in: `serials`. */
  readonly unit: string;
  readonly items: readonly T[];
  /** Most of one portion. */
  readonly count: number;
  /** How much of one portion an item takes, and how much there is room for. */
  readonly size?: { of(item: T): number; readonly most: number };
}

/** Sends a long list in portions, with progress; a failure says which portion it was. */
export async function inPortions<T>(
  io: Io,
  { what, unit, items, count, size }: Work<T>,
  send: (portion: readonly T[]) => Promise<void>,
): Promise<void> {
  const progress = progressOf(io, what, items.length, unit);
  for (let at = 0; at < items.length; ) {
    let end = at + 1;
    let room = (size?.most ?? 0) - (size?.of(items[at] as T) ?? 0);
    for (; end < items.length && end - at < count; end++) {
      room -= size?.of(items[end] as T) ?? 0;
      if (room < 0) break;
    }
    try {
      await send(items.slice(at, end));
    } catch (error) {
      if (!(error instanceof CommandFailure)) throw error;
      const where = `in ${unit} ${at + 1} to ${end}; those before are done`;
      throw new CommandFailure(error.exitCode, `${error.message}, ${where}`);
    }
    at = end;
    progress.at(at);
  }
  progress.end(items.length);
}
