import { resolve } from 'node:path';
import { RDB_FILE, restoreBackup } from '../app/restore.ts';
import { defineCommand } from './command.ts';
import { single } from './frame.ts';
import { EXIT, UsageError } from './io.ts';
import { keyFlags, passphraseOf } from './passphrase.ts';
import { progressOf, tellRecords } from './progress.ts';
import { configuredRedis } from './redis-place.ts';
import { formatTime, printJson } from './table.ts';

/** With the append-only file on, Redis would begin empty. */
const READ_IT =
  'Start Redis on it: redis-server --dir <dir> --appendonly no; then CONFIG SET appendonly yes, and in redis.conf too.';

export const run = single(
  defineCommand({
    name: 'restore',
    summary:
      'Makes a data directory of a backup, or fills a Redis. Both must be empty; the backup is checked first to last byte.',
    args: '<file>',
    flags: {
      'data-dir': { type: 'string', value: '<dir>', summary: 'where to (GRIDMOOR_DATA_DIR, ./data)' },
      redis: {
        type: 'boolean',
        summary: 'records only: into the empty Redis that REDIS_URL and the other settings name',
      },
      ...keyFlags,
    },
    examples: [
      'gridmoor restore gridmoor.backup --data-dir ./restored',
      'REDIS_NODES=a:6379,b:6379,c:6379 gridmoor restore gridmoor.backup --redis',
      'gridmoor restore gridmoor.backup --with-key --passphrase-file /run/secrets/backup',
    ],
    async run(given, [file = ''], io) {
      if (given.redis && given['data-dir'] !== undefined) throw new UsageError('Give one of --data-dir and --redis.');
      if (given.redis && given['with-key']) throw new UsageError('--with-key writes a file: it goes with --data-dir.');
      const redis = given.redis ? await configuredRedis(io, '--redis') : undefined;
      const passphrase = await passphraseOf(io, given);
      const dataDir = resolve(io.cwd, given['data-dir'] ?? (io.env.GRIDMOOR_DATA_DIR || 'data'));
      let progress: ReturnType<typeof progressOf> | undefined;
      const told = tellRecords(io);
      const { header, devices, key, leftOut } = await restoreBackup({
        file: resolve(io.cwd, file),
        dataDir,
        ...(passphrase ? { passphrase } : {}),
        ...(redis ? { redis } : {}),
        onRecords: told.at,
        onProgress(written, total) {
          progress ??= progressOf(io, file, total);
          progress.at(written);
        },
      });
      progress?.end(header.bytes);
      told.end();
      const { store, createdTime } = header;
      const where = redis ? 'Redis' : dataDir;
      if (given.json) printJson(io, { ...(redis ? {} : { dataDir }), store, devices, key, createdTime, leftOut });
      else {
        const what = devices === undefined ? `${RDB_FILE} for Redis` : `${devices} devices`;
        io.stdout.write(`${where}: ${what} as of ${formatTime(createdTime)}\n`);
        if (leftOut) io.stdout.write(`${leftOut} records of what was deleted while the backup was made are left out\n`);
        if (store === 'redis') io.stdout.write(`${READ_IT}\n`);
        if (!key)
          io.stdout.write('The broker needs the instance key of this data: GRIDMOOR_SECRET_KEY, or instance.key\n');
      }
      return EXIT.fine;
    },
  }),
);
