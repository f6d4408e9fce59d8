import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { PAGE_HEADER, type Pages, pageProblem } from './data-pages.ts';
import { corruptFile } from './problems.ts';

// LMDB data format 2 as lmdb 3.5 writes it: MDB_meta and MDB_db of its mdb.c, little-endian, 64 bit.
const PAGE_FLAGS = 18;
const P_META = 0x08;
const MAGIC = 0xbeefc0de;
const DATA_VERSION = 2;
const META = { magic: 0, version: 4, dbs: 24, flags: 28, lastPage: 120, txnId: 128, bootId: 136, bytes: 144 } as const;
const DB_BYTES = 48;
const ROOT_IN_DB = 40;
const MDB_OVERLAPPINGSYNC = 0x1000;

/** Pages that the check at the start reads: all of a small store, the upper levels of a large one; some 50 ms. */
const PAGES_AT_START = 4096;

interface Meta {
  readonly txnId: bigint;
  readonly bootId: bigint;
  /** Committed, but perhaps not yet on the disk when the machine stopped. */
  readonly unsynced: boolean;
  readonly pageSize: number;
  readonly lastPage: bigint;
  readonly roots: readonly bigint[];
}

/**
 * Refuses a file that LMDB would crash on or misread: LMDB maps it, so a page that is missing behind its end is a SIGBUS
 * and not an error, and a page that was overwritten is believed. Throws STORE_CORRUPT.
 * @param maxPages Infinity checks every page.
 */
export function checkDataFile(file: string, maxPages: number = PAGES_AT_START): void {
  const fd = openSync(file, 'r');
  try {
    const read = (at: number, bytes: number): Buffer => {
      const buffer = Buffer.alloc(bytes);
      return buffer.subarray(0, readSync(fd, buffer, 0, bytes, at));
    };
    const problem = problemOf(read, fstatSync(fd).size, maxPages);
    if (problem !== undefined) throw corruptFile(file, problem);
  } finally {
    closeSync(fd);
  }
}

function problemOf(read: Pages['read'], size: number, maxPages: number): string | undefined {
  const first = metaAt(read, 0);
  if (typeof first === 'string') return first;
  const { pageSize } = first;
  if (pageSize < 512 || pageSize > 65_536 || (pageSize & (pageSize - 1)) !== 0) return 'its page size is impossible';
  // LMDB's order: the first page, the copy of what was last synced behind it, the second page.
  let meta = first;
  for (const at of [pageSize / 2, pageSize]) {
    const next = metaAt(read, at, at === pageSize);
    if (typeof next === 'string') return next;
    meta = pick(meta, next);
  }
  const pages: Pages = { read, pageSize, fileSize: size, lastPage: meta.lastPage };
  // The pages at the end may be free and were then never written: only a page that is in use proves a cut.
  const isShort = BigInt(size) < (meta.lastPage + 1n) * BigInt(pageSize);
  return pageProblem(pages, meta.roots, isShort ? Number.POSITIVE_INFINITY : maxPages);
}

/** `mdb_pick_meta`: after a restart of the machine what was not synced is rolled back. */
function pick(a: Meta, b: Meta): Meta {
  if (b.txnId === 0n) return a;
  const latest = a.txnId >= b.txnId ? a : b;
  const boot = bootId();
  if (!latest.unsynced || (latest.bootId !== 0n && latest.bootId === boot)) return latest;
  return a.txnId > b.txnId ? b : a;
}

function bootId(): bigint {
  try {
    return BigInt(`0x${/^[0-9a-f]+/.exec(readFileSync('/proc/sys/kernel/random/boot_id', 'latin1'))?.[0] ?? '0'}`);
  } catch {
    return 0n;
  }
}

function metaAt(read: Pages['read'], at: number, isPage = at === 0): Meta | string {
  const page = read(at, PAGE_HEADER + META.bytes);
  if (page.length < PAGE_HEADER + META.bytes) return 'it is cut off in its header';
  const meta = page.subarray(PAGE_HEADER);
  if (isPage) {
    if ((page.readUInt16LE(PAGE_FLAGS) & P_META) === 0) return 'it is not a data file of this store';
    if (meta.readUInt32LE(META.magic) !== MAGIC) return 'it is not a data file of this store';
    if ((meta.readUInt32LE(META.version) & 0xffff) !== DATA_VERSION) return 'it was written by another version of LMDB';
  }
  return {
    txnId: meta.readBigUInt64LE(META.txnId),
    bootId: meta.readBigUInt64LE(META.bootId),
    unsynced: (meta.readUInt16LE(META.flags) & MDB_OVERLAPPINGSYNC) !== 0,
    pageSize: meta.readUInt32LE(META.dbs),
    lastPage: meta.readBigUInt64LE(META.lastPage),
    roots: [0, 1].map((db) => meta.readBigUInt64LE(META.dbs + db * DB_BYTES + ROOT_IN_DB)),
  };
}
