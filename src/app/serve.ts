import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Config, LoadedConfig } from '../config/index.ts';
import { BrokerError } from '../errors.ts';
import { createLog, type Log } from '../observe/index.ts';
import { formatIssue } from '../schema/issue.ts';
import { printMadeSecrets } from './banner.ts';
import { INSTANCE_KEY_FILE, keyFileProblem, readOrMakeKeyFile } from './key-file.ts';
import { runUntilStopped } from './lifecycle.ts';
import { type Running, start } from './start.ts';
import { toStartOptions } from './start-options.ts';
import type { PrimaryLink } from './workers/primary-link.ts';
import { shareOf } from './workers/share.ts';

/** What `serve` needs of the process it runs in. */
export interface ServeIo {
  readonly stderr: { write(text: string): unknown };
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * Runs the broker until it is told to stop. Resolves with the exit code: 0 stopped as asked, 1 it could not start or stop,
 * 2 the configuration is wrong.
 * @param primary this process is one of several workers.
 */
export async function serve(loaded: LoadedConfig, io: ServeIo, primary?: PrimaryLink): Promise<number> {
  if (!loaded.ok) {
    for (const issue of loaded.issues) io.stderr.write(`${formatIssue(issue)}\n`);
    return 2;
  }
  const config = primary ? ofWorker(loaded.config, primary.number) : loaded.config;
  const log = logOf(config, primary);
  // Of several workers the first one says it for all.
  const warnings = primary === undefined || primary.number === 1 ? loaded.warnings : [];
  for (const warning of warnings) log.warn({ event: 'config.warning', at: warning.at }, formatIssue(warning));
  let running: Running;
  try {
    const options = toStartOptions(config, readKeys(config, log), io.env);
    running = await start(
      primary ? { ...shareOf(options, config.instance.workers), workers: primary.metrics } : options,
      log,
    );
  } catch (error) {
    const known = BrokerError.from(error);
    // Where in our code a wrong setting or a taken port was noticed helps nobody: only a fault of ours has its stack.
    const fault = known.code === 'INTERNAL' ? { err: known } : { problem: known.message };
    log.fatal({ event: 'start.failed', code: known.code, ...fault }, 'the broker could not start');
    io.stderr.write(`gridmoor: ${known.message}\n`);
    log.flush();
    return 1;
  }
  printMadeSecrets(running.core.made, running.ports, io.stderr);
  if (primary) primary.ready(running.ports);
  // Scripts wait for this one line, whatever is logged otherwise.
  else createLog({ level: 'info' }).info({ event: 'ready', instance: config.instance.id, ...running.ports }, 'ready');
  return runUntilStopped(running, log, primary === undefined ? 'end' : 'ignore');
}

/** Each worker is an instance of its own. The parts of a CoAP exchange must reach one and the same: the first. */
function ofWorker(config: Config, number: number): Config {
  return {
    ...config,
    instance: { ...config.instance, id: `${config.instance.id}-w${number}` },
    coap: { ...config.coap, enabled: config.coap.enabled && number === 1 },
  };
}

function logOf({ log: { level } }: Config, primary: PrimaryLink | undefined): Log {
  const log = createLog({ level });
  return primary ? log.child({ worker: primary.number }) : log;
}

/** Instance key and administrator key: given, or kept in the data directory. Throws FILE_INVALID. */
function readKeys(config: Config, log: Log) {
  const { dataDir } = config.files;
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  } catch (error) {
    const detail = `the data directory ${dataDir} cannot be made or entered: ${(error as Error).message}`;
    throw new BrokerError('STORE_UNAVAILABLE', { detail }, { cause: error });
  }
  const fromFile = (name: string, prefix: string) => {
    const path = join(dataDir, name);
    const { key, made } = readOrMakeKeyFile(path, prefix);
    const problem = keyFileProblem(path);
    if (problem) log.warn({ event: 'key-file.mode', file: path }, problem);
    if (made) log.info({ event: 'key-file.made', file: path }, 'key file made: keep it, and back it up');
    return key;
  };
  const adminKey = config.instance.adminKey ?? fromFile('admin.key', 'gma_');
  if (!/^[\x21-\x7e]{1,512}$/.test(adminKey.reveal())) {
    const detail =
      'the administrator key (GRIDMOOR_ADMIN_KEY or admin.key) must be one word of at most 512 ASCII characters';
    throw new BrokerError('CONFIG_INVALID', {
      field: 'GRIDMOOR_ADMIN_KEY',
      detail: `${detail}: no HTTP header can carry it`,
    });
  }
  return { instanceKey: config.instance.secretKey ?? fromFile(INSTANCE_KEY_FILE, ''), adminKey };
}
