import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  unlinkSync,
  utimesSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { BrokerError } from '../../errors.ts';

/**
 * One owner per directory. Each process that wants it makes a file of its own, whose name says who it is, and then looks
 * for others: a living one means that the directory is taken, a dead one is removed. Two that come at the same moment
 * both see each other and both step back, so nobody ever takes a lock away from somebody; they try again.
 */
export interface DirectoryLock {
  release(): void;
}

interface Owner {
  readonly pid: number;
  /** Clock ticks since boot at which the process started; 0 where /proc is missing. Tells a reused pid. */
  readonly started: string;
  /** Process ids mean something only within their namespace: containers may share a volume. */
  readonly namespace: string;
}

const NAME = /^\.lock-(\d+)-(\d+)-(\d+)-\d+$/;
const TRIES = 4;
/** How often an owner touches its file, and how long a process of another namespace watches for that, in ms. */
const BEAT_MS = 500;
const WATCH_MS = 2500;

let count = 0;

/** Rejects with STORE_LOCKED, for a living owner in the same namespace within a few milliseconds. */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  const own = `.lock-${process.pid}-${startOf('self') ?? 0}-${namespace()}-${++count}`;
  const path = join(directory, own);
  for (let tries = 1; ; tries++) {
    closeSync(openSync(path, 'wx', 0o600));
    try {
      const other = await livingOwner(directory, own);
      if (other === undefined) return held(path);
      unlinkSync(path);
      if (tries === TRIES) throw new BrokerError('STORE_LOCKED', { directory, pid: other.pid });
    } catch (error) {
      removeFile(path);
      throw error;
    }
    await pause(20 + Math.random() * 100);
  }
}

function held(path: string): DirectoryLock {
  const beat = setInterval(() => {
    const now = new Date();
    try {
      utimesSync(path, now, now);
    } catch {
      // Somebody removed the file: the lock of this process still shows in LMDB, and nothing here can repair it.
    }
  }, BEAT_MS);
  beat.unref();
  return {
    release() {
      clearInterval(beat);
      removeFile(path);
    },
  };
}

/** The living process that holds the directory; undefined when none does. */
export async function ownerOf(directory: string): Promise<number | undefined> {
  return (await livingOwner(directory, ''))?.pid;
}

async function livingOwner(directory: string, own: string): Promise<Owner | undefined> {
  for (const name of readdirSync(directory)) {
    const parts = NAME.exec(name);
    if (parts === null || name === own) continue;
    const owner: Owner = { pid: Number(parts[1]), started: parts[2] ?? '', namespace: parts[3] ?? '' };
    if (await isAlive(owner, join(directory, name))) return owner;
    removeFile(join(directory, name));
  }
  return undefined;
}

async function isAlive(owner: Owner, path: string): Promise<boolean> {
  if (owner.namespace !== namespace()) return isBeating(path);
  const started = startOf(String(owner.pid));
  if (started !== undefined) return started === owner.started;
  if (startOf('self') !== undefined) return false;
  try {
    process.kill(owner.pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function isBeating(path: string): Promise<boolean> {
  const first = touchedAt(path);
  for (let waited = 0; first !== undefined && waited < WATCH_MS; waited += BEAT_MS) {
    await pause(BEAT_MS);
    const next = touchedAt(path);
    if (next === undefined) return false;
    if (next !== first) return true;
  }
  return false;
}

function touchedAt(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs;
}

/** Field 22 of /proc/<pid>/stat (proc_pid_stat(5)); the command in field 2 may hold anything, so it is cut off first. */
function startOf(pid: string): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A zombie holds no files any more.
    return fields[0] === 'Z' ? 'dead' : fields[19];
  } catch {
    return undefined;
  }
}

function namespace(): string {
  try {
    return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '0';
  } catch {
    return '0';
  }
}

function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
