import { corrupt } from '../stored-json.ts';
import type { Fragment } from './latest.ts';
import type { Packer } from './samples.ts';

/**
 * The head of an entity: its latest values, and behind them the newest samples that are not yet in the history table.
 * Layout: version, byte length of the fragments, fragments `[ts, keys, text]`, packed samples. Every device has one, other entities
 * have one from their first sample on.
 */
const VERSION = 1;
export const HEAD_START = 5;

export const EMPTY_HEAD: Buffer = Buffer.from([VERSION, 0, 0, 0, 0]);

/** Offset of the packed samples. */
export function samplesStart(head: Buffer): number {
  if (head[0] !== VERSION) throw corrupt('a head is of an unknown version');
  const start = HEAD_START + head.readUInt32BE(1);
  if (start > head.length) throw corrupt('a head is cut off');
  return start;
}

export function* fragments(head: Buffer): Generator<Fragment> {
  const end = samplesStart(head);
  for (let at = HEAD_START; at < end; ) {
    const keysEnd = at + 12 + head.readUInt32BE(at + 8);
    const textEnd = keysEnd + 4 + head.readUInt32BE(keysEnd);
    if (textEnd > end) throw corrupt('a latest value is cut off');
    yield {
      ts: head.readDoubleBE(at),
      keys: head.toString('utf8', at + 12, keysEnd),
      text: head.toString('utf8', keysEnd + 4, textEnd),
    };
    at = textEnd;
  }
}

/** Time of the one fragment when there is just one and it has these keys; undefined in every other case. */
export function soleFragmentTs(head: Buffer, end: number, keys: string): number | undefined {
  const keysEnd = HEAD_START + 12 + head.readUInt32BE(HEAD_START + 8);
  if (keysEnd >= end || keysEnd + 4 + head.readUInt32BE(keysEnd) !== end) return undefined;
  return head.toString('utf8', HEAD_START + 12, keysEnd) === keys ? head.readDoubleBE(HEAD_START) : undefined;
}

/** Writes everything before the samples. */
export function packFragments(packer: Packer, all: Iterable<Fragment>): void {
  packer.reset();
  packer.skip(HEAD_START);
  for (const { ts, keys, text } of all) {
    packer.number(ts);
    packer.text(keys);
    packer.text(text);
  }
  sealFragments(packer);
}

/** Writes version and length over what has been skipped for them. */
export function sealFragments(packer: Packer): void {
  const start = packer.slice(0, HEAD_START);
  start[0] = VERSION;
  start.writeUInt32BE(packer.length - HEAD_START, 1);
}
