import { statfsSync } from 'node:fs';
import os from 'node:os';
import { descriptorLimit } from './proc.js';

/** @type {Record<number, string>} */
const FILE_SYSTEMS = {
  61267: 'ext4',
  16914836: 'tmpfs (a commit costs no disk there: choose another with --dir)',
  1481003842: 'xfs',
  2435016766: 'btrfs',
  2035054128: 'overlay',
};

/**
 * What a figure depends on besides the code.
 * @param {string} directory  Where data directories are made.
 */
export function describeMachine(directory) {
  const type = statfsSync(directory).type;
  return {
    cpu: os.cpus()[0]?.model ?? 'unknown',
    cores: os.availableParallelism(),
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    kernel: `${os.type()} ${os.release()}`,
    node: process.version,
    loadAverage: os.loadavg()[0] ?? 0,
    descriptors: descriptorLimit(),
    directory,
    fileSystem: FILE_SYSTEMS[type] ?? `type 0x${type.toString(16)}`,
  };
}
