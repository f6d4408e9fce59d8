import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { INSTANCE_KEY_FILE } from '../app/key-file.ts';
import { type MigrateOptions, migrate, type Place } from '../app/transfer/index.ts';
import { BrokerError } from '../errors.ts';
import type { Secret } from '../model/secret.ts';
import { defineCommand } from './command.ts';
import { single } from './frame.ts';
import { CommandFailure, EXIT, type Io, UsageError } from './io.ts';
import { tellRecords } from './progress.ts';
import { configuredRedis } from './redis-place.ts';
import { readSecretFile, secretFromEnv } from './secret-input.ts';
import { printJson, printTable } from './table.ts';

export const run = single(
  defineCommand({
    name: 'migrate',
    summary:
      'Copies a whole store into another one: own files to Redis, back, or between two Redis, while no broker runs.',
    flags: {
      from: { type: 'string', value: '<store>', summary: 'the data directory, or Redis, to read' },
      to: { type: 'string', value: '<store>', summary: 'the one to write: empty, or what an earlier run has left' },
      'dry-run': { type: 'boolean', summary: 'count what would be copied, and look whether it may be' },
    },
    notes:
      'A store is a directory, a URL (redis://user@host:6379/0), or the word redis: what REDIS_URL, REDIS_NODES, REDIS_SENTINELS and the\n' +
      'other settings name; a password is better there, or in REDIS_PASSWORD_FILE, than in a URL. Ids, times, credentials, history, queues:\n' +
      'all is kept. Afterwards both stores are read and compared. When it is cut short, run it again: brokers refuse the\n' +
      'half of a store. The new brokers need the instance key of the old ones (GRIDMOOR_SECRET_KEY, or instance.key).',
    examples: [
      'gridmoor migrate --from ./data --to redis://redis.internal:6379/0 --dry-run',
      'REDIS_NODES=a:6379,b:6379,c:6379 gridmoor migrate --from ./data --to redis',
      'gridmoor migrate --from redis --to ./data-new',
    ],
    async run({ from, to, json, 'dry-run': dryRun }, _args, io) {
      if (from === undefined || to === undefined) throw new UsageError('--from and --to say which stores.');
      const [source, target] = [await placeOf(io, from), await placeOf(io, to)];
      const told = tellRecords(io);
      const targetKey = await keyFor(io, target);
      const options: MigrateOptions = {
        from: source,
        to: target,
        dryRun,
        onProgress: (step, section, records) => told.at(`${STEPS[step]} ${section}`, records),
        ...(targetKey === undefined ? {} : { targetKey }),
      };
      const done = await reached(() => migrate(options).finally(() => told.end()));
      const { tallies, different } = done;
      if (json) printJson(io, { ...done, dryRun, verified: !dryRun && different.length === 0 });
      else {
        const rows = Object.entries(tallies).flatMap(([name, { records }]) => {
          if (records === 0 && !(different as readonly string[]).includes(name)) return [];
          const state = dryRun ? '' : (different as readonly string[]).includes(name) ? 'DIFFERENT' : 'same';
          return [[name, String(records), state]];
        });
        printTable(io, ['what', 'records', dryRun ? '' : 'in both'], rows);
        if (!dryRun && different.length === 0) io.stdout.write(`${done.from} is whole in ${done.to}\n`);
      }
      if (different.length === 0) return EXIT.fine;
      const what = different.join(', ');
      throw new CommandFailure(
        EXIT.findings,
        `${what}: not the same in both. Was a broker started meanwhile? Empty ${done.to} and run it again.`,
      );
    },
  }),
);

const STEPS = { count: 'counting', copy: 'copying', verify: 'comparing' } as const;

/** A Redis that does not answer is an exit code of its own. */
async function reached<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof BrokerError) || error.code !== 'STORE_UNAVAILABLE' || !('reason' in error.facts))
      throw error;
    throw new CommandFailure(EXIT.unreachable, error.message);
  }
}

async function placeOf(io: Io, word: string): Promise<Place> {
  const isUrl = /^rediss?:\/\//i.test(word);
  if (!isUrl && word !== 'redis') {
    if (word === '' || word.includes('://')) throw new UsageError(`"${word}" is neither a directory nor a Redis.`);
    return { kind: 'directory', dataDir: resolve(io.cwd, word) };
  }
  return configuredRedis(isUrl ? { cwd: io.cwd, env: onlyUrl(io, word) } : io, '"redis"');
}

/** A URL says where and who; of the other settings of Redis only those of TLS count, and the password where it holds none. */
function onlyUrl({ env }: Io, url: string): Io['env'] {
  const isHeld = !URL.canParse(url) || new URL(url).password !== '';
  const counts = (name: string): boolean =>
    !name.startsWith('REDIS_') || (!isHeld && name.startsWith('REDIS_PASSWORD'));
  const others = Object.entries(env).filter(([name]) => counts(name));
  return { ...Object.fromEntries(others), REDIS_URL: url };
}

/** The key that a broker on the target would take: of its directory, or of the environment. */
async function keyFor(io: Io, target: Place): Promise<Secret | undefined> {
  const file = target.kind === 'directory' ? resolve(target.dataDir, INSTANCE_KEY_FILE) : undefined;
  if (file !== undefined && existsSync(file)) return readSecretFile(io, file);
  const { GRIDMOOR_SECRET_KEY_FILE: keyFile } = io.env;
  return secretFromEnv(io, ['GRIDMOOR_SECRET_KEY']) ?? (keyFile ? readSecretFile(io, keyFile) : undefined);
}
