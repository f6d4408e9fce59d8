import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { backupDirectory } from '../app/backup.ts';
import {
  type BackupHeader,
  formatBackupHeader,
  MAX_HEADER_BYTES,
  parseBackupHeader,
  sealKey,
} from '../app/backup-file.ts';
import { backupRedis } from '../app/backup-redis.ts';
import { keyCheckOf } from '../app/instance-key.ts';
import { INSTANCE_KEY_FILE } from '../app/key-file.ts';
import type { Secret } from '../model/secret.ts';
import { dataFile } from './admin-key.ts';
import { createClient, urlFlag } from './client.ts';
import { defineCommand } from './command.ts';
import { single } from './frame.ts';
import { CommandFailure, EXIT, type Io, UsageError } from './io.ts';
import { keyFlags, passphraseOf } from './passphrase.ts';
import { progressOf } from './progress.ts';
import { configuredRedis } from './redis-place.ts';
import { readSecretFile, secretFromEnv } from './secret-input.ts';
import { printJson } from './table.ts';

const NEWLINE = 0x0a;

export const run = single(
  defineCommand({
    name: 'backup',
    summary: 'Copies the store into one file, as it is at one moment, also while brokers use it.',
    args: '<file>',
    flags: {
      redis: { type: 'boolean', summary: 'of the Redis that REDIS_URL and the other settings name' },
      records: {
        type: 'boolean',
        summary: 'with --redis: record by record, for any store; of Sentinel and Cluster always',
      },
      'data-dir': { type: 'string', value: '<dir>', summary: 'of this data directory, which no broker uses' },
      ...keyFlags,
      ...urlFlag,
    },
    notes:
      'Without --data-dir or --redis the running instance makes it; it needs room for a copy of its store. Records of a Redis are read one\n' +
      'after the other: what changes meanwhile is as it was before or after. The file holds hashes, and no\n' +
      'secret in clear. Without the instance key (GRIDMOOR_SECRET_KEY, or instance.key of the data directory) a restored\n' +
      'store knows no device: keep the key in a safe place, or add it with --with-key.',
    examples: [
      'gridmoor backup gridmoor.backup',
      'gridmoor backup gridmoor.backup --with-key --passphrase-file /run/secrets/backup',
      'gridmoor backup gridmoor.backup --data-dir ./data',
      'gridmoor backup gridmoor.backup --redis',
      'REDIS_NODES=a:6379,b:6379,c:6379 gridmoor backup gridmoor.backup --redis',
    ],
    async run(given, [file = ''], io) {
      const { json, url, 'data-dir': dataDir } = given;
      if ([dataDir !== undefined, url !== undefined, given.redis].filter(Boolean).length > 1) {
        throw new UsageError('Give one of --data-dir, --redis and --url.');
      }
      if (given.records && !given.redis) throw new UsageError('--records goes with --redis.');
      const passphrase = await passphraseOf(io, given);
      const key = passphrase && (await findKey(io, dataDir));
      const bytes = given.redis
        ? backupRedis({ ...(await configuredRedis(io, '--redis')), records: given.records })
        : dataDir
          ? backupDirectory(resolve(io.cwd, dataDir))
          : await createClient(io, url).download('/api/gridmoor/backup');
      const header = await save(io, file, bytes, async (plain) => {
        if (passphrase === undefined || key === undefined) return plain;
        if (keyCheckOf(key) === plain.keyCheck) return { ...plain, key: await sealKey(key, passphrase) };
        throw new CommandFailure(
          EXIT.findings,
          'The instance key here is not the one of this store: nothing is written.',
        );
      });
      const facts = { file, bytes: header.bytes, sha256: header.sha256, withKey: header.key !== undefined };
      if (json) printJson(io, facts);
      else io.stdout.write(`${file}: ${header.bytes} bytes, ${facts.withKey ? 'with' : 'without'} the instance key\n`);
      return EXIT.fine;
    },
  }),
);

/** The instance key where a broker here would look for it. */
async function findKey(io: Io, dataDir: string | undefined): Promise<Secret> {
  const { GRIDMOOR_SECRET_KEY_FILE: keyFile } = io.env;
  const given = secretFromEnv(io, ['GRIDMOOR_SECRET_KEY']);
  if (given) return given;
  return readSecretFile(
    io,
    keyFile || (dataDir ? resolve(io.cwd, dataDir, INSTANCE_KEY_FILE) : dataFile(io, INSTANCE_KEY_FILE)),
  );
}

/** Writes the backup to a new file and checks what came against its header; a file that is not whole does not stay. */
async function save(
  io: Io,
  file: string,
  bytes: AsyncIterable<Uint8Array>,
  withKey: (header: BackupHeader) => Promise<BackupHeader>,
): Promise<BackupHeader> {
  const path = resolve(io.cwd, file);
  const handle = await create(path, file);
  try {
    const header = await receive(io, file, bytes, handle, withKey);
    await handle.sync();
    await handle.close();
    return header;
  } catch (error) {
    await handle.close();
    rmSync(path, { force: true });
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    throw new CommandFailure(EXIT.findings, `${file} could not be written: no space is left.`);
  }
}

async function create(path: string, file: string): Promise<FileHandle> {
  try {
    return await open(path, 'wx', 0o600);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'EEXIST' ? 'is there already: name another file' : `cannot be written (${code})`;
    throw new CommandFailure(EXIT.usage, `${file} ${why}.`);
  }
}

async function receive(
  io: Io,
  file: string,
  bytes: AsyncIterable<Uint8Array>,
  handle: FileHandle,
  withKey: (header: BackupHeader) => Promise<BackupHeader>,
): Promise<BackupHeader> {
  const hash = createHash('sha256');
  let start: Buffer = Buffer.alloc(0);
  let header: BackupHeader | undefined;
  let progress: ReturnType<typeof progressOf> | undefined;
  let received = 0;
  const take = async (piece: Uint8Array): Promise<void> => {
    hash.update(piece);
    received += piece.length;
    await handle.appendFile(piece);
    progress?.at(received);
  };
  for await (const piece of bytes) {
    if (header !== undefined) {
      await take(piece);
      continue;
    }
    start = Buffer.concat([start, piece]);
    const end = start.indexOf(NEWLINE);
    if (end < 0 && start.length < MAX_HEADER_BYTES) continue;
    header = await withKey(parseBackupHeader(start.subarray(0, end < 0 ? start.length : end)));
    progress = progressOf(io, file, header.bytes);
    await handle.appendFile(formatBackupHeader(header));
    await take(start.subarray(end + 1));
  }
  if (header === undefined || received !== header.bytes || hash.digest('hex') !== header.sha256) {
    throw new CommandFailure(EXIT.findings, 'The backup did not come whole: nothing is written. Try it again.');
  }
  progress?.end(received);
  return header;
}
