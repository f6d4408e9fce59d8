import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks a second in /proc/<pid>/stat; 100 on every Linux that Node supports. */
const TICKS_PER_SECOND = 100;

/**
 * CPU seconds that all threads of processes and of those they started have used, in user and in kernel mode, in steps of 10 ms.
 * @param {readonly number[]} pids
 */
export function cpuSeconds(...pids) {
  const all = pids.flatMap(treeOf).map(cpuSecondsOfOne);
  return { user: sum(all.map(({ user }) => user)), system: sum(all.map(({ system }) => system)) };
}

/** @param {number} pid */
function cpuSecondsOfOne(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The command name may hold blanks and brackets: fields are counted after the last bracket.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { user: Number(fields[11]) / TICKS_PER_SECOND, system: Number(fields[12]) / TICKS_PER_SECOND };
}

/**
 * Resident memory of processes and of those they started, in bytes.
 * @param {readonly number[]} pids
 */
export function rssBytes(...pids) {
  return sum(pids.flatMap(treeOf).map(rssBytesOfOne));
}

/** Itself, its workers, and what a start script runs. @param {number} pid @returns {number[]} */
function treeOf(pid) {
  const words = readdirSync(`/proc/${pid}/task`)
    .map((thread) => readFileSync(`/proc/${pid}/task/${thread}/children`, 'latin1').trim())
    .filter((text) => text !== '');
  return [pid, ...words.flatMap((text) => text.split(' ').flatMap((word) => treeOf(Number(word))))];
}

/** @param {readonly number[]} numbers */
const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);

/** @param {number} pid */
function rssBytesOfOne(pid) {
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'));
  return Number(match?.[1] ?? Number.NaN) * 1024;
}

/** Most open files this process (and so its children) may have. */
export function descriptorLimit() {
  const match = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'));
  return Number(match?.[1] ?? 1024);
}
