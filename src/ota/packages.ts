import { BrokerError } from '../errors.ts';
import type { Clock } from '../model/clock.ts';
import type { Page } from '../model/entity.ts';
import { newOtaPackageId, type OtaPackageId } from '../model/ids.ts';
import type { ChecksumAlgorithm, OtaKind, OtaPackage } from '../model/ota.ts';
import { OTA_BLOCK_BYTES, type OtaListQuery, type OtaStore } from '../storage/ota-store.ts';
import type { AuditStore } from '../storage/record-stores.ts';
import { createChecksum } from './checksum.ts';

export interface NewPackage {
  readonly kind: OtaKind;
  readonly title: string;
  readonly version: string;
  readonly tag?: string;
  readonly profile?: string;
  readonly url?: string;
}

export interface Upload {
  readonly algorithm: ChecksumAlgorithm;
  /** Consumed once, as fast as the store writes. */
  readonly pieces: AsyncIterable<Uint8Array>;
  /** Asked when the last piece has come. Without a checksum one is computed only. */
  readonly about: () => { readonly fileName: string; readonly contentType: string; readonly checksum?: string };
}

/** Firmware and software packages and their binaries. */
export interface OtaPackages {
  /** Throws BAD_REQUEST, NAME_TAKEN. */
  create(wanted: NewPackage, by: string): Promise<OtaPackage>;
  package(id: OtaPackageId): Promise<OtaPackage | undefined>;
  list(query: OtaListQuery): Promise<Page<OtaPackage>>;
  /**
   * Stores the binary block by block; a checksum that does not fit, or a source that breaks off, leaves nothing.
   * Throws NOT_FOUND, BAD_REQUEST, PAYLOAD_TOO_LARGE.
   */
  upload(id: OtaPackageId, upload: Upload, by: string): Promise<OtaPackage>;
  /** Bytes of the content; undefined when there is none (any more). */
  read(id: OtaPackageId, offset: number, length: number): Promise<Buffer | undefined>;
  /** Throws NOT_FOUND, BAD_REQUEST when a device or profile has it. */
  remove(id: OtaPackageId, by: string): Promise<void>;
}

export interface OtaPackagesParts {
  readonly store: OtaStore;
  readonly audit: AuditStore;
  readonly clock: Clock;
  /** Largest binary, bytes. */
  readonly maxBytes: number;
}

const MAX_TEXT = 255;
/** Packages that are looked at in one step for one of a title. */
const SEARCHED = 100;
/** Blocks whose commit an upload does not wait for. */
const BLOCKS_AHEAD = 4;

export function createOtaPackages({ store, audit, clock, maxBytes }: OtaPackagesParts): OtaPackages {
  const uploading = new Set<OtaPackageId>();
  const note = (
    action: string,
    id: OtaPackageId,
    by: string,
    outcome: string,
    facts?: Record<string, string | number>,
  ) => audit.append({ at: clock.now(), action, by, subject: `ota:${id}`, outcome, ...(facts ? { facts } : {}) });

  /** Gives the size and the checksum of what was stored. */
  const storeBlocks = async (
    id: OtaPackageId,
    { algorithm, pieces }: Upload,
  ): Promise<{ size: number; checksum: string }> => {
    const sum = createChecksum(algorithm);
    const block = Buffer.allocUnsafe(OTA_BLOCK_BYTES);
    const under: Promise<void>[] = [];
    let filled = 0;
    let at = 0;
    const flush = async (): Promise<void> => {
      const written = store.putBlock(id, at++, block.subarray(0, filled)); // copied before it returns
      written.catch(() => {}); // awaited below
      under.push(written);
      filled = 0;
      if (under.length >= BLOCKS_AHEAD) await under.shift();
    };
    for await (const piece of pieces) {
      if (at * OTA_BLOCK_BYTES + filled + piece.length > maxBytes) {
        throw new BrokerError('PAYLOAD_TOO_LARGE', { detail: `a package may have ${maxBytes} bytes` });
      }
      sum.update(piece);
      for (let from = 0; from < piece.length; ) {
        const taken = piece.subarray(from, from + OTA_BLOCK_BYTES - filled);
        block.set(taken, filled);
        filled += taken.length;
        from += taken.length;
        if (filled === OTA_BLOCK_BYTES) await flush();
      }
    }
    const size = at * OTA_BLOCK_BYTES + filled;
    if (filled > 0) await flush();
    await Promise.all(under);
    return { size, checksum: sum.hex() };
  };

  /** The package that has the title and version without content or URL. */
  const emptyOne = async ({ kind, title, version }: NewPackage): Promise<OtaPackageId | undefined> => {
    for (let page = 0; ; page++) {
      const { data, hasNext } = await store.packages({ kind, textSearch: title, page, pageSize: SEARCHED });
      const found = data.find((one) => one.title === title && one.version === version);
      if (found) return found.content || found.url !== undefined ? undefined : found.id;
      if (!hasNext) return undefined;
    }
  };

  return {
    async create(wanted, by) {
      checkTexts(wanted);
      const now = clock.now();
      const entry: OtaPackage = { ...wanted, id: newOtaPackageId(now), createdAt: now };
      if ((await store.create(entry)) === 'taken') {
        const empty = await emptyOne(wanted);
        const repair = empty ? ` that has no content: unless an upload of it is under way, delete ${empty} first` : '';
        const detail = `there is a ${wanted.kind} package with this title and version${repair}`;
        throw new BrokerError('NAME_TAKEN', { field: 'version', detail });
      }
      await note('ota.create', entry.id, by, 'created', { title: wanted.title, version: wanted.version });
      return entry;
    },

    package: (id) => store.package(id),
    list: (query) => store.packages(query),
    read: (id, offset, length) => store.read(id, offset, length),

    async upload(id, upload, by) {
      const entry = await store.package(id);
      if (!entry) throw notFound(id);
      if (entry.url !== undefined) throw refused('the package is a URL and has no content');
      if (uploading.has(id)) throw refused('an upload to this package is under way');
      uploading.add(id);
      try {
        if (!(await store.beginContent(id))) throw refused('the content of a package never changes');
        const { size, checksum } = await storeBlocks(id, upload);
        const { fileName, contentType, checksum: told } = upload.about();
        if (size === 0) throw refused('the content is empty');
        if (told !== undefined && told.toLowerCase() !== checksum) {
          await store.beginContent(id); // drops the blocks
          throw refused(`the ${upload.algorithm} checksum of what came is ${checksum}`, 'checksum');
        }
        const content = { fileName, contentType, size, checksumAlgorithm: upload.algorithm, checksum };
        if (!(await store.finishContent(id, content))) throw notFound(id);
        await note('ota.upload', id, by, 'stored', { size });
        return { ...entry, content };
      } finally {
        uploading.delete(id);
      }
    },

    async remove(id, by) {
      const result = await store.remove(id);
      if (result === 'unknown') throw notFound(id);
      if (result === 'in-use') throw refused('the package is assigned to a device or a profile');
      await note('ota.delete', id, by, 'deleted');
    },
  };
}

function checkTexts({ title, version, tag = ' ', url = ' ' }: NewPackage): void {
  for (const [field, text] of Object.entries({ title, version, tag })) {
    if (text === '' || text.length > MAX_TEXT) throw refused(`"${field}" must have 1 to ${MAX_TEXT} characters`, field);
  }
  if (url === '' || url.length > 2_048) throw refused('"url" must have 1 to 2048 characters', 'url');
}

const refused = (detail: string, field?: string): BrokerError =>
  new BrokerError('BAD_REQUEST', { detail, ...(field === undefined ? {} : { field }) });

const notFound = (id: OtaPackageId): BrokerError =>
  new BrokerError('NOT_FOUND', { package: id, detail: 'there is no such package' });
