import { randomBytes } from 'node:crypto';
import type { Clock } from '../model/clock.ts';
import type { DeviceId } from '../model/ids.ts';
import type { KeyedHash } from '../model/keyed-hash.ts';
import type { FileRules } from '../profiles/index.ts';
import type { DocumentChange, DocumentStore } from '../storage/document-store.ts';

/** A file that a device sent beside a message. */
export interface DeviceFile {
  /** `enos-connect://{id}.{extension}`: what stands in the message in its place. */
  readonly uri: string;
  /** As the device called it. */
  readonly name: string;
  readonly size: number;
  /** ms since 1970. */
  readonly storedAt: number;
}

/** Files of devices; each is forgotten when the time that its profile gives is over. */
export interface DeviceFiles {
  /** All of them, or `full`: the device would have more than it may. */
  put(
    id: DeviceId,
    files: readonly { readonly name: string; readonly bytes: Buffer }[],
    rules: FileRules,
  ): Promise<readonly DeviceFile[] | 'full'>;
  read(id: DeviceId, uri: string): Promise<{ readonly file: DeviceFile; readonly bytes: Buffer } | undefined>;
  /** False when there was none. */
  remove(id: DeviceId, uri: string): Promise<boolean>;
  /** Ordered by their ids; none beyond the first 1,000. */
  list(id: DeviceId): Promise<readonly DeviceFile[]>;
  /** All go with their device. */
  forget(id: DeviceId): Promise<void>;
  /** A path that gives this file to whoever has it. */
  link(id: DeviceId, uri: string): string;
  findByLink(link: string): ReturnType<DeviceFiles['read']>;
}

export interface DeviceFilesParts {
  readonly documents: DocumentStore;
  readonly hash: Pick<KeyedHash, 'seal' | 'open'>;
  readonly clock: Clock;
}

const KIND = 'device-file';
const BLOCK_KIND = 'device-file-block';
const BLOCK_BYTES = 180_000;
const DAY_MS = 86_400_000;
const MAX_LISTED = 1_000;
const URI = /^enos-connect:\/\/([0-9a-f]{32}(?:\.[A-Za-z0-9]{1,8})?)$/;
const MAX_LINK = 512;
/** Tells links from whatever else is sealed with the same key. */
const PURPOSE = 'file-link';

export function createDeviceFiles({ documents, hash, clock }: DeviceFilesParts): DeviceFiles {
  const keyOf = (id: DeviceId, uri: string): string | undefined => {
    const file = URI.exec(uri)?.[1];
    return file === undefined ? undefined : `${id}/${file}`;
  };
  const head = async (key: string): Promise<DeviceFile | undefined> => {
    const found = await documents.get(KIND, key, clock.now());
    return found && (JSON.parse(found.text) as DeviceFile);
  };
  const list = async (id: DeviceId, limit: number): Promise<readonly DeviceFile[]> => {
    const found: DeviceFile[] = [];
    let after: string | undefined;
    for (;;) {
      const more = after === undefined ? {} : { after };
      const query = { prefix: `${id}/`, limit: limit - found.length, now: clock.now(), ...more };
      const page = found.length < limit ? await documents.list(KIND, query) : [];
      if (page.length === 0) return found;
      for (const { text } of page) found.push(JSON.parse(text) as DeviceFile);
      after = page.at(-1)?.key;
    }
  };
  const blockKeys = (key: string, size: number): readonly string[] =>
    Array.from({ length: Math.ceil(size / BLOCK_BYTES) }, (_, at) => `${key}/${at}`);

  const read: DeviceFiles['read'] = async (id, uri) => {
    const key = keyOf(id, uri);
    const file = key === undefined ? undefined : await head(key);
    if (key === undefined || !file) return undefined;
    const blocks: Buffer[] = [];
    for (const blockKey of blockKeys(key, file.size)) {
      const block = await documents.get(BLOCK_KIND, blockKey, clock.now());
      if (!block) return undefined; // it was removed meanwhile
      blocks.push(Buffer.from(block.text, 'base64'));
    }
    return { file, bytes: Buffer.concat(blocks) };
  };

  /** What is put for one device is counted one after the other. */
  const lanes = new Map<DeviceId, Promise<unknown>>();
  const inTurn = <T>(id: DeviceId, work: () => Promise<T>): Promise<T> => {
    const turn = (lanes.get(id) ?? Promise.resolve()).then(work);
    const lane = turn.then(
      () => {},
      () => {}, // the caller hears of it
    );
    lanes.set(id, lane);
    void lane.then(() => {
      if (lanes.get(id) === lane) lanes.delete(id);
    });
    return turn;
  };

  const put: DeviceFiles['put'] = async (id, files, { max, days }) => {
    const now = clock.now();
    if ((await list(id, max)).length + files.length > max) return 'full';
    const expiresAt = now + days * DAY_MS;
    const changes: DocumentChange[] = [];
    const stored = files.map(({ name, bytes }): DeviceFile => {
      const extension = /\.[A-Za-z0-9]{1,8}$/.exec(name)?.[0] ?? '';
      const uri = `enos-connect://${randomBytes(16).toString('hex')}${extension}`;
      const file = { uri, name, size: bytes.length, storedAt: now };
      const key = keyOf(id, uri) ?? '';
      for (const [at, blockKey] of blockKeys(key, bytes.length).entries()) {
        const text = bytes.toString('base64', at * BLOCK_BYTES, (at + 1) * BLOCK_BYTES);
        changes.push({ kind: BLOCK_KIND, key: blockKey, text, expiresAt });
      }
      changes.push({ kind: KIND, key, text: JSON.stringify(file), expiresAt });
      return file;
    });
    await documents.write(changes, now);
    return stored;
  };

  const remove: DeviceFiles['remove'] = async (id, uri) => {
    const key = keyOf(id, uri);
    const file = key === undefined ? undefined : await head(key);
    if (key === undefined || !file) return false;
    const blocks = blockKeys(key, file.size).map((block) => ({ kind: BLOCK_KIND, key: block }));
    return documents.write([{ kind: KIND, key }, ...blocks], clock.now());
  };

  return {
    put: (id, files, rules) => inTurn(id, () => put(id, files, rules)),
    read,
    remove,
    list: (id) => list(id, MAX_LISTED),
    forget: (id) =>
      inTurn(id, async () => {
        for (let all = await list(id, MAX_LISTED); all.length > 0; all = await list(id, MAX_LISTED)) {
          for (const { uri } of all) await remove(id, uri);
        }
      }),
    link: (id, uri) => `/file/${hash.seal(JSON.stringify([PURPOSE, id, uri]))}`,
    async findByLink(link) {
      const text = link.length <= MAX_LINK ? hash.open(link) : undefined;
      const [purpose, id, uri] = text?.startsWith(`["${PURPOSE}",`) ? (JSON.parse(text) as string[]) : [];
      return purpose === PURPOSE && id && uri ? read(id as DeviceId, uri) : undefined;
    },
  };
}
