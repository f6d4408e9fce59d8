import type { Log } from '../observe/index.ts';
import type { Running } from './start.ts';

/** A stop that takes longer is given up (reliability.md 5). */
const STOP_DEADLINE_MS = 15_000;

/**
 * Waits for SIGTERM or SIGINT and stops in order: not ready, no new connections, sessions told to move, accepted messages
 * finished, store closed. Resolves with 0, or 1 on a second signal, a failed stop or one that takes too long.
 * A fault that nobody caught ends the process the same way, with 1: it must never run on in an unknown state.
 * @param again what another signal does: a worker gets those of its terminal or service manager and that of its primary, which
 * decides when to end at once.
 */
export function runUntilStopped(running: Running, log: Log, again: 'end' | 'ignore'): Promise<number> {
  return new Promise((resolve) => {
    let stopping = false;
    const finish = (code: number): void => {
      log.flush();
      resolve(code);
      // Whatever still holds the process open must not keep an operator waiting.
      process.exitCode = code;
      if (code === 0) setTimeout(() => process.exit(code), 1_000).unref();
      else giveUp(running, code);
    };
    const stop = (reason: string, code: number): void => {
      if (stopping) {
        if (again === 'ignore') return;
        log.warn({ event: 'stop.again', reason }, 'told to stop again: stopping at once');
        finish(1);
        return;
      }
      stopping = true;
      log.info({ event: 'stopping', reason }, 'stopping');
      const timer = setTimeout(() => {
        log.error({ event: 'stop.late', ms: STOP_DEADLINE_MS }, 'stopping took too long: giving up');
        finish(1);
      }, STOP_DEADLINE_MS);
      running.stop().then(
        () => {
          clearTimeout(timer);
          log.info({ event: 'stopped' }, 'stopped');
          finish(code);
        },
        (error: unknown) => {
          clearTimeout(timer);
          log.error({ event: 'stop.failed', err: error }, 'stopping failed');
          finish(1);
        },
      );
    };
    process.on('SIGTERM', () => stop('SIGTERM', 0));
    process.on('SIGINT', () => stop('SIGINT', 0));
    process.on('SIGHUP', () => stop('SIGHUP', 0));
    process.on('uncaughtException', (error) => {
      log.fatal({ event: 'uncaughtException', err: error }, 'a fault nobody caught');
      stop('uncaughtException', 1);
    });
    process.on('unhandledRejection', (error) => {
      log.fatal({ event: 'unhandledRejection', err: error }, 'a rejection nobody caught');
      stop('unhandledRejection', 1);
    });
  });
}

/** Time for the commit under way, when the process must end at once. */
const LAST_COMMIT_MS = 1_000;

/**
 * Ends the process now. An exit while the store commits would wait for ever: its writing thread waits for the main one, which
 * waits for all threads. So the commit is let through first; a store that hangs costs the exit code, not the end.
 */
function giveUp(running: Running, code: number): void {
  const end = (): never => process.exit(code);
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), LAST_COMMIT_MS);
  running.core.storage.drain().then(end, end);
}
