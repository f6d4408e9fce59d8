import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { corruptFile } from './problems.ts';

// LMDB data format 2 (lmdb 3.5): MDB_page_header, MDB_meta and MDB_db of liblmdb's mdb.c, little-endian, 64 bit.
const PAGE_HEADER = 24;
const PAGE_FLAGS = 18;
const P_META = 0x08;
const MAGIC = 0xbeefc0de;
const DATA_VERSION = 2;
const META = { magic: 0, version: 4, dbs: 24, lastPage: 120, txnId: 128, bytes: 144 } as const;
const DB = { bytes: 48, root: 40 } as const;
const NO_PAGE = 0xffffffffffffffffn;

/**
 * Refuses what LMDB would crash on. LMDB maps the file: a page that is missing behind its end is a SIGBUS, not an error,
 * so size and roots are compared with what the header promises before it is opened. A few reads, whatever the size.
 */
export function checkDataFile(file: string): void {
  const fd = openSync(file, 'r');
  try {
    const size = fstatSync(fd).size;
    const problem = problemOf((at, bytes) => readAt(fd, at, bytes), size);
    if (problem !== undefined) throw corruptFile(file, problem);
  } finally {
    closeSync(fd);
  }
}

type Read = (at: number, bytes: number) => Buffer;

function readAt(fd: number, at: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  return buffer.subarray(0, readSync(fd, buffer, 0, bytes, at));
}

interface Meta {
  readonly txnId: bigint;
  readonly pageSize: number;
  readonly lastPage: bigint;
  readonly roots: readonly bigint[];
}

function problemOf(read: Read, size: number): string | undefined {
  const first = metaAt(read, 0);
  if (typeof first === 'string') return first;
  const { pageSize } = first;
  if (pageSize < 512 || pageSize > 65_536 || (pageSize & (pageSize - 1)) !== 0) return 'its page size is impossible';
  const second = metaAt(read, pageSize);
  if (typeof second === 'string') return second;
  const newest = second.txnId > first.txnId ? second : first;
  const pages = BigInt(Math.floor(size / pageSize));
  if (pages <= newest.lastPage) return `it is cut off: ${size} bytes of ${(newest.lastPage + 1n) * BigInt(pageSize)}`;
  for (const root of newest.roots) {
    if (root === NO_PAGE) continue;
    if (root > newest.lastPage) return 'it points behind its end';
    const header = read(Number(root) * pageSize, PAGE_HEADER);
    if (header.readBigUInt64LE(0) !== root) return 'a page is overwritten';
  }
  return undefined;
}

function metaAt(read: Read, at: number): Meta | string {
  const page = read(at, PAGE_HEADER + META.bytes);
  if (page.length < PAGE_HEADER + META.bytes) return 'it is cut off in its header';
  const meta = page.subarray(PAGE_HEADER);
  if ((page.readUInt16LE(PAGE_FLAGS) & P_META) === 0) return 'it is not a data file of this store';
  if (meta.readUInt32LE(META.magic) !== MAGIC) return 'it is not a data file of this store';
  if ((meta.readUInt32LE(META.version) & 0xffff) !== DATA_VERSION)
    return 'it is a data file of another version of LMDB';
  const roots = [0, 1].map((db) => meta.readBigUInt64LE(META.dbs + db * DB.bytes + DB.root));
  return {
    txnId: meta.readBigUInt64LE(META.txnId),
    pageSize: meta.readUInt32LE(META.dbs),
    lastPage: meta.readBigUInt64LE(META.lastPage),
    roots,
  };
}
