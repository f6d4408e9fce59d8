import { randomBytes, scrypt } from 'node:crypto';
import { BrokerError } from '../errors.ts';
import { parseJson } from '../model/json.ts';
import { createKeyedHash } from '../model/keyed-hash.ts';
import { Secret } from '../model/secret.ts';
import { keyCheckOf } from './instance-key.ts';

/** The first line of a backup, as JSON; behind it stand the store's data. */
export interface BackupHeader {
  readonly gridmoor: 'backup';
  readonly format: 1;
  /** `embedded`: the data file of a data directory; `redis`: an RDB file; `records`: every record, for any store. */
  readonly store: 'embedded' | 'redis' | 'records';
  /** Of the gridmoor that wrote it. */
  readonly version: string;
  readonly createdTime: number;
  /** Of the data. */
  readonly bytes: number;
  readonly sha256: string;
  /** Tells which instance key the data belongs to; absent when it was never started with one. */
  readonly keyCheck?: string;
  readonly key?: SealedKey;
}

/** The instance key, encrypted with a passphrase. */
export interface SealedKey {
  readonly salt: string;
  readonly sealed: string;
}

export const MAX_HEADER_BYTES = 16_384;
const STORES: readonly BackupHeader['store'][] = ['embedded', 'redis', 'records'];
const SHORTEST_PASSPHRASE = 12;
/** 2^17 blocks of 1 KiB, 128 MiB, about half a second: a backup can be guessed at for as long as somebody likes. */
const SCRYPT = { N: 2 ** 17, r: 8, p: 1, maxmem: 192 * 1024 * 1024 } as const;

export function formatBackupHeader(header: BackupHeader): Buffer {
  return Buffer.from(`${JSON.stringify(header)}\n`, 'utf8');
}

/** @param line without its line end. Throws FILE_INVALID. */
export function parseBackupHeader(line: Buffer): BackupHeader {
  const invalid = (detail: string): BrokerError => new BrokerError('FILE_INVALID', { detail });
  const parsed = parseJson(line.toString('utf8'), { maxDepth: 4 });
  const header = (parsed.ok ? parsed.value : undefined) as Partial<Record<keyof BackupHeader, unknown>> | undefined;
  if (header === null || typeof header !== 'object' || header.gridmoor !== 'backup') {
    throw invalid('it is not a backup of gridmoor');
  }
  if (header.format !== 1) throw invalid('it was written by a newer gridmoor: restore it with that version');
  const { store, version, createdTime, bytes, sha256, keyCheck, key } = header;
  const isKey = key === undefined || (isRecord(key) && isText(key.salt) && isText(key.sealed));
  const isRight = isText(version) && isCount(createdTime) && isCount(bytes) && isHash(sha256);
  if (
    !STORES.includes(store as BackupHeader['store']) ||
    !isRight ||
    !isKey ||
    (keyCheck !== undefined && !isHash(keyCheck))
  )
    throw invalid('its first line is damaged');
  return header as BackupHeader;
}

/** Encrypts the instance key. Throws BAD_REQUEST for a passphrase that is easy to guess. */
export async function sealKey(instanceKey: Secret, passphrase: Secret): Promise<SealedKey> {
  if (passphrase.reveal().length < SHORTEST_PASSPHRASE) {
    throw new BrokerError('BAD_REQUEST', { detail: `the passphrase has fewer than ${SHORTEST_PASSPHRASE} characters` });
  }
  const salt = randomBytes(16).toString('base64url');
  return { salt, sealed: (await sealer(passphrase, salt)).seal(instanceKey.reveal()) };
}

/** The instance key of a backup. Throws FORBIDDEN for another passphrase, FILE_INVALID for a key of other data. */
export async function openKey({ key, keyCheck }: BackupHeader, passphrase: Secret): Promise<Secret | undefined> {
  if (key === undefined) return undefined;
  const text = (await sealer(passphrase, key.salt)).open(key.sealed);
  if (text === undefined)
    throw new BrokerError('FORBIDDEN', { detail: 'the passphrase is not the one of this backup' });
  const instanceKey = new Secret(text);
  if (keyCheck === keyCheckOf(instanceKey)) return instanceKey;
  throw new BrokerError('FILE_INVALID', { detail: 'the instance key in the backup is not the one of its data' });
}

function sealer(passphrase: Secret, salt: string): Promise<ReturnType<typeof createKeyedHash>> {
  return new Promise((resolve, reject) => {
    scrypt(passphrase.reveal(), Buffer.from(salt, 'base64url'), 32, SCRYPT, (error, key) => {
      if (error) reject(error);
      else resolve(createKeyedHash(key));
    });
  });
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  value !== null && typeof value === 'object' && !Array.isArray(value);
const isText = (value: unknown): value is string => typeof value === 'string' && value.length > 0;
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
const isHash = (value: unknown): value is string => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
