// LMDB data format 2 as lmdb 3.5 writes it: MDB_page_header, MDB_node, MDB_ovpage and MDB_db of its mdb.c.
export const PAGE_HEADER = 24;
const FLAGS = 18;
const LOWER = 20;
const P_BRANCH = 0x01;
const P_LEAF = 0x02;
const P_OVERFLOW = 0x04;
const NODE_HEADER = 8;
const F_BIGDATA = 0x01;
const F_SUBDATA = 0x02;
const ROOT_IN_DB = 40;
const OVERFLOW_PAGES = 16;
const NO_PAGE = 0xffffffffffffffffn;

/** The pages of a data file as one of its headers describes them. */
export interface Pages {
  /** Up to `bytes` bytes from offset `at`. */
  readonly read: (at: number, bytes: number) => Buffer;
  readonly pageSize: number;
  readonly fileSize: number;
  readonly lastPage: bigint;
}

/** What is wrong with the trees below the roots, level by level and up to `maxPages` pages; undefined when nothing was found. */
export function pageProblem(pages: Pages, roots: readonly bigint[], maxPages: number): string | undefined {
  let level = roots.filter((root) => root !== NO_PAGE);
  let seen = 0;
  while (level.length > 0) {
    const next: bigint[] = [];
    for (const page of level) {
      if (++seen > maxPages) return undefined;
      const problem = visit(pages, page, next);
      if (problem !== undefined) return problem;
    }
    // A page that is reached twice would be a loop; no tree has more pages than the file.
    if (seen > Number(pages.lastPage) + 1) return 'its pages form a loop';
    level = next;
  }
  return undefined;
}

function visit(pages: Pages, number: bigint, next: bigint[]): string | undefined {
  const page = readPage(pages, number, 1n);
  if (typeof page === 'string') return page;
  const flags = page.readUInt16LE(FLAGS);
  const isLeaf = (flags & P_LEAF) !== 0;
  if (isLeaf === ((flags & P_BRANCH) !== 0)) return damaged(number);
  const nodes = page.readUInt16LE(LOWER) >> 1;
  if (PAGE_HEADER + nodes * 2 > page.length) return damaged(number);
  for (let i = 0; i < nodes; i++) {
    const at = page.readUInt16LE(PAGE_HEADER + i * 2) + PAGE_HEADER;
    const problem =
      at + NODE_HEADER > page.length ? damaged(number) : visitNode(pages, { page, number, at, isLeaf }, next);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function visitNode(
  pages: Pages,
  { page, number, at, isLeaf }: { page: Buffer; number: bigint; at: number; isLeaf: boolean },
  next: bigint[],
): string | undefined {
  const size = page.readUInt32LE(at);
  const flags = page.readUInt16LE(at + 4);
  const data = at + NODE_HEADER + page.readUInt16LE(at + 6);
  if (!isLeaf) {
    next.push(BigInt(size) + (BigInt(flags) << 32n));
    return data > page.length ? damaged(number) : undefined;
  }
  const stored = (flags & F_BIGDATA) !== 0 ? NODE_HEADER * 3 : size;
  if (data + stored > page.length) return damaged(number);
  if ((flags & F_BIGDATA) !== 0) {
    const first = readPage(pages, page.readBigUInt64LE(data), page.readBigUInt64LE(data + OVERFLOW_PAGES));
    if (typeof first === 'string') return first;
    return (first.readUInt16LE(FLAGS) & P_OVERFLOW) === 0 ? damaged(number) : undefined;
  }
  if ((flags & F_SUBDATA) !== 0) {
    const root = page.readBigUInt64LE(data + ROOT_IN_DB);
    if (root !== NO_PAGE) next.push(root);
  }
  return undefined;
}

/** The first of `count` pages, all of which have to be in the file. */
function readPage({ read, pageSize, fileSize, lastPage }: Pages, number: bigint, count: bigint): Buffer | string {
  if (number > lastPage || count < 1n || number + count - 1n > lastPage) return 'it points behind its end';
  if ((number + count) * BigInt(pageSize) > BigInt(fileSize)) return `it is cut off after ${fileSize} bytes`;
  const page = read(Number(number) * pageSize, pageSize);
  return page.readBigUInt64LE(0) === number ? page : damaged(number);
}

const damaged = (number: bigint): string => `page ${number} is overwritten`;
