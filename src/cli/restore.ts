import { resolve } from 'node:path';
import { RDB_FILE, restoreBackup } from '../app/restore.ts';
import { defineCommand } from './command.ts';
import { single } from './frame.ts';
import { EXIT } from './io.ts';
import { keyFlags, passphraseOf } from './passphrase.ts';
import { progressOf } from './progress.ts';
import { formatTime, printJson } from './table.ts';

/** With the append-only file on, Redis would begin empty. */
const READ_IT =
  'Start Redis on it: redis-server --dir <dir> --appendonly no; then CONFIG SET appendonly yes, and in redis.conf too.';

export const run = single(
  defineCommand({
    name: 'restore',
    summary:
      'Makes a data directory of a backup. The directory must be empty; the backup is checked first to last byte.',
    args: '<file>',
    flags: {
      'data-dir': { type: 'string', value: '<dir>', summary: 'where to (GRIDMOOR_DATA_DIR, ./data)' },
      ...keyFlags,
    },
    examples: [
      'gridmoor restore gridmoor.backup --data-dir ./restored',
      'gridmoor restore gridmoor.backup --with-key --passphrase-file /run/secrets/backup',
    ],
    async run(given, [file = ''], io) {
      const passphrase = await passphraseOf(io, given);
      const dataDir = resolve(io.cwd, given['data-dir'] ?? (io.env.GRIDMOOR_DATA_DIR || 'data'));
      let progress: ReturnType<typeof progressOf> | undefined;
      const { header, devices, key } = await restoreBackup({
        file: resolve(io.cwd, file),
        dataDir,
        ...(passphrase ? { passphrase } : {}),
        onProgress(written, total) {
          progress ??= progressOf(io, file, total);
          progress.at(written);
        },
      });
      progress?.end(header.bytes);
      if (given.json) printJson(io, { dataDir, store: header.store, devices, key, createdTime: header.createdTime });
      else {
        const what = devices === undefined ? `${RDB_FILE} for Redis` : `${devices} devices`;
        io.stdout.write(`${dataDir}: ${what} as of ${formatTime(header.createdTime)}\n`);
        if (header.store === 'redis') io.stdout.write(`${READ_IT}\n`);
        if (!key)
          io.stdout.write('The broker needs the instance key of this data: GRIDMOOR_SECRET_KEY, or instance.key\n');
      }
      return EXIT.fine;
    },
  }),
);
