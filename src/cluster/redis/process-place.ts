import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** Where a process is: the start of the machine and what numbers its processes, and its number there. */
interface ProcessPlace {
  readonly place: string;
  readonly pid: number;
}

/** That of this process; undefined where the system does not tell (anywhere but Linux). */
export const ownPlace: ProcessPlace | undefined = findPlace();

function findPlace(): ProcessPlace | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return { place: `${hostname()} ${boot} ${readlinkSync('/proc/self/ns/pid')}`, pid: process.pid };
  } catch {
    return undefined;
  }
}

/** Whether a run that told this of itself was a process of this very place that is gone. False: it may live. */
export function isKnownDead(told: string | null): boolean {
  const { place, pid } = placeOf(told);
  if (ownPlace === undefined || place !== ownPlace.place || !Number.isInteger(pid) || Number(pid) < 1) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

function placeOf(told: string | null): Partial<ProcessPlace> {
  try {
    return ((JSON.parse(told ?? '{}') as { process?: Partial<ProcessPlace> } | null)?.process ??
      {}) as Partial<ProcessPlace>;
  } catch {
    return {};
  }
}
