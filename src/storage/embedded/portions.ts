import { HEADER_BYTES, type Journal } from './journal.ts';
import { createPacker, type Packer } from './samples.ts';

/** How items of a batch stand in the journal. */
export interface Codec<Item> {
  pack(packer: Packer, item: Item): void;
  unpack(items: Buffer): Item[];
}

export interface Deferred {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Items that become durable together: by one record of the journal, or by the commit of their group, whatever is first.
 * `forming`: takes more items. `left`: only the commit makes them durable.
 */
export interface Portion extends Deferred {
  /** Of its record; 0 when it never had a place in the journal. */
  readonly sequence: number;
  state: 'forming' | 'writing' | 'durable' | 'left';
}

/** Writes the items of a turn to the journal, one record at a time; the next one forms meanwhile. */
export interface Portions {
  readonly journal: Journal;
  /** A portion that takes items; undefined: the journal has failed. */
  begin(): Portion | undefined;
  /** Puts an item into the portion that forms. false: it has become too large for a record, and is left to its commit. */
  pack<Item>(codec: Codec<Item>, item: Item): boolean;
  /** The commit has the portion that forms, if it is this one. */
  leave(portion: Portion): void;
  /** When the write that is under way began (monotonic ms). */
  readonly writingSince: number | undefined;
  /** Waits for the write that is under way and closes the journal. */
  close(): Promise<void>;
}

/** Turn after turn of more is cheaper to commit at once than to write twice. */
const LARGE_FRAME_BYTES = 16 * 1024;
/** The first large turn after so long without one (ms) goes to the journal all the same: a single burst need not wait for a commit. */
const BURST_PAUSE_MS = 50;
const MAX_FRAME_BYTES = 128 * 1024;

export interface PortionEvents {
  /** There is no room for it, or its write failed. */
  onLeft(portion: Portion): void;
  /** The journal wants a commit, so that there is room for more. */
  onHalfFull(): void;
  /** The journal takes no more records. */
  onFailure(error: unknown): void;
}

export function createPortions(journal: Journal, events: PortionEvents): Portions {
  let sequence = 0;
  let forming: Portion | undefined;
  let packer = createPacker();
  let spare = createPacker();
  let scheduled = false;
  let writing: Promise<void> = Promise.resolve();
  let writingSince: number | undefined;
  let failed = false;
  /** What the portion that forms may take. */
  let maxBytes = LARGE_FRAME_BYTES;
  let largeAt = Number.NEGATIVE_INFINITY;

  /** At the end of the turn, so that all that it brings is in one record. */
  function schedule(): void {
    if (scheduled || writingSince !== undefined) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      if (forming !== undefined) writeOut(forming);
    });
  }

  /** A turn has become large; whether it is the first one for a while. */
  function noteLarge(): boolean {
    const now = performance.now();
    const pause = now - largeAt;
    largeAt = now;
    return pause > BURST_PAUSE_MS;
  }

  function writeOut(portion: Portion): void {
    forming = undefined;
    const frame = packer.bytes();
    const written = journal.append(frame, portion.sequence);
    if (written === undefined) {
      leaveToCommit(portion);
      return;
    }
    if (journal.isHalfFull()) events.onHalfFull();
    [packer, spare] = [spare, packer];
    portion.state = 'writing';
    writingSince = performance.now();
    writing = written.then(
      () => {
        portion.state = 'durable';
        portion.resolve();
        proceed();
      },
      (error: unknown) => {
        failed = true;
        events.onFailure(error);
        leaveToCommit(portion);
        if (forming !== undefined) leaveToCommit(forming);
        forming = undefined;
        proceed();
      },
    );
  }

  function proceed(): void {
    writingSince = undefined;
    if (forming !== undefined) schedule();
  }

  function leaveToCommit(portion: Portion): void {
    portion.state = 'left';
    events.onLeft(portion);
  }

  return {
    journal,
    begin() {
      if (failed) return undefined;
      // Its group is full, and the next one forms in the same turn.
      if (forming !== undefined) leaveToCommit(forming);
      packer.reset();
      packer.skip(HEADER_BYTES);
      maxBytes = LARGE_FRAME_BYTES;
      forming = createPortion('forming', ++sequence);
      schedule();
      return forming;
    },
    pack(codec, item) {
      codec.pack(packer, item);
      if (packer.length <= maxBytes || forming === undefined) return true;
      if (maxBytes === LARGE_FRAME_BYTES && noteLarge()) {
        maxBytes = MAX_FRAME_BYTES;
        if (packer.length <= maxBytes) return true;
      }
      forming.state = 'left';
      forming = undefined;
      return false;
    },
    leave(portion) {
      if (portion !== forming) return;
      forming = undefined;
      portion.state = 'left';
    },
    get writingSince() {
      return writingSince;
    },
    async close() {
      failed = true;
      await writing;
      journal.close();
    },
  };
}

export function createPortion(state: Portion['state'], sequence = 0): Portion {
  // Member by member: spread into another object they have no shared shape, and each turn pays some 10 us for it.
  const { promise, resolve, reject } = deferred();
  return { promise, resolve, reject, sequence, state };
}

export function deferred(): Deferred {
  let resolve: () => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
