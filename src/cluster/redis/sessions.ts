import { parseDeviceId } from '../../model/ids.ts';
import { aliveKey } from '../../storage/redis/keys.ts';
import type { Queue } from '../../storage/redis/queue.ts';
import { loadScript } from '../../storage/redis/scripts.ts';
import type { RunId } from '../bus.ts';
import type { OrphanedSession, SessionClaim, SessionRegistry } from '../session-registry.ts';
import { callersKey, KEYS } from './keys.ts';

const CLAIM = loadScript('session-claim');
const FENCE = loadScript('session-fence');
const RAISE = loadScript('session-raise');
const RELEASE = loadScript('session-release');
const CONFIRM = loadScript('session-confirm');
const ORPHANS = loadScript('session-orphans');

const SESSION_KEYS = [KEYS.sessions, KEYS.sessionsByRun];
/** Claims that one step confirms. */
const STEP = 200;
/** A note that a call waits goes by itself when no call can wait any more, ms. */
const CALL_MS = 90_000_000;
const CONFIRMED = ['stands', 'restored', 'lost'] as const;

/** @param deadMs silence after which a run may lose its sessions. */
export function redisSessions(queue: Queue, self: RunId, deadMs: number): SessionRegistry {
  let claims = 0;

  return {
    shared: true,

    async claim(device) {
      const answer = (await queue.script(CLAIM, SESSION_KEYS, [device, self, ++claims])) as readonly string[];
      return claimOf(answer);
    },

    async fence(device, epoch, oldest = 0) {
      const fenced = (mine: number) => queue.script(FENCE, [aliveKey(device)], [mine, oldest]) as Promise<string>;
      const stood = markerOf(await fenced(epoch));
      if (stood.newest <= epoch) return { epoch, oldest: stood.oldest === oldest ? oldest : epoch };
      // A newer claim has come, or the clock of Redis was set back.
      const higher = stood.newest + 1;
      if ((await queue.script(RAISE, [KEYS.sessions], [device, self, epoch, higher])) === 0) return undefined;
      return { epoch: higher, oldest: markerOf(await fenced(higher)).oldest === oldest ? oldest : higher };
    },

    async release(device, epoch) {
      return (await queue.script(RELEASE, SESSION_KEYS, [device, self, epoch])) === 1;
    },

    async owner(device) {
      const held = (await queue.send('hget', [KEYS.sessions, device])) as string | null;
      return held === null ? undefined : (held.slice(0, held.indexOf(' ')) as RunId);
    },

    async confirm(all) {
      const lost = [];
      const restored = [];
      for (let at = 0; at < all.length; at += STEP) {
        const some = all.slice(at, at + STEP);
        const words = some.flatMap(({ device, epoch }) => [device, epoch]);
        const answer = (await queue.script(CONFIRM, SESSION_KEYS, [self, ...words])) as readonly number[];
        for (const [index, { device }] of some.entries()) {
          const state = CONFIRMED[answer[index] ?? 0];
          if (state === 'lost') lost.push(device);
          else if (state === 'restored') restored.push(device);
        }
      }
      return { lost, restored };
    },

    async runs() {
      const found: RunId[] = [];
      for (let from = '-'; ; from = `[${found.at(-1)}\x01`) {
        const range = [KEYS.sessionsByRun, from, '+', 'LIMIT', 0, 1];
        const [member] = (await queue.send('zrangebylex', range)) as readonly string[];
        if (member === undefined) return found;
        found.push(member.slice(0, member.indexOf('\0')) as RunId);
      }
    },

    async takeOrphans(dead, limit) {
      const range = [`[${dead}\0`, `[${dead}\x01`, 'LIMIT', 0, Math.min(limit, STEP)];
      const members = (await queue.send('zrangebylex', [KEYS.sessionsByRun, ...range])) as readonly string[];
      const devices = members.map((member) => member.slice(dead.length + 1));
      if (devices.length === 0) return [];
      const keys = [...SESSION_KEYS, KEYS.beats];
      return orphansOf((await queue.script(ORPHANS, keys, [dead, deadMs, ...devices])) as readonly string[]);
    },

    async callWaits(device) {
      const key = callersKey(device);
      await queue.send('sadd', [key, self]);
      await queue.send('pexpire', [key, CALL_MS]);
    },

    async callsWaitNoMore(device) {
      await queue.send('srem', [callersKey(device), self]);
    },

    async callersOf(device) {
      const runs = (await queue.send('smembers', [callersKey(device)])) as readonly RunId[];
      return runs.filter((run) => run !== self);
    },
  };
}

/** What stands in the marker of a device: the epochs of its newest session, and of the oldest one that may write. */
function markerOf(text: string): { readonly newest: number; readonly oldest: number } {
  const [newest = '0', oldest = newest] = text.split(' ');
  return { newest: Number(newest), oldest: Number(oldest) };
}

function claimOf([epoch = '0', run, formerEpoch]: readonly string[]): SessionClaim {
  if (run === undefined || run === '') return { epoch: Number(epoch) };
  return { epoch: Number(epoch), former: { run: run as RunId, epoch: Number(formerEpoch) } };
}

function orphansOf(words: readonly string[]): readonly OrphanedSession[] {
  const found: OrphanedSession[] = [];
  for (let at = 0; at < words.length; at += 4) {
    const device = parseDeviceId(words[at] ?? '');
    if (device !== undefined) found.push({ device, ...claimOf(words.slice(at + 1, at + 4)) });
  }
  return found;
}
