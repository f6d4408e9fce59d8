import { cpSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { expectNothingFound } from '../helpers/checker.ts';
import { eventually } from './eventually.ts';
import { copyFolders } from './folders.ts';
import { type Rig, startRig } from './rig.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** A good file is in force, and a bad one refused, within this time (reliability.md F15). */
const SOON_MS = 2_000;
/** On a machine that is busy with everything else, give the watcher a little more before calling it broken. */
const DEADLINE_MS = SOON_MS * 3;

/** Descriptors that connections to HTTP may hold. */
const SPARE = 3;

interface Breakage {
  readonly name: string;
  readonly file: 'chain' | 'table' | 'profile';
  apply(path: string): void;
  /** Part of the reason beside the file's name. */
  readonly reason?: RegExp;
}

const halve = (path: string): void => {
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, text.slice(0, text.length / 2));
};

const BREAKAGES: readonly Breakage[] = [
  { name: 'a truncated chain', file: 'chain', apply: halve },
  { name: 'an empty chain', file: 'chain', apply: (path) => writeFileSync(path, '') },
  { name: 'a deleted root chain', file: 'chain', apply: (path) => rmSync(path), reason: /root/ },
  {
    name: 'a duplicated chain',
    file: 'chain',
    apply: (path) => cpSync(path, path.replace('.json', '-copy.json')),
    reason: /onboarding-copy\.json|onboarding\.json/,
  },
  { name: 'a chain of random bytes', file: 'chain', apply: (path) => writeFileSync(path, Buffer.alloc(4_096, 0xfe)) },
  {
    name: 'a chain with an unknown node kind',
    file: 'chain',
    apply: (path) =>
      writeFileSync(path, readFileSync(path, 'utf8').replace('action/save-telemetry', 'action/save-telemetri')),
    reason: /action\/save-telemetr/,
  },
  { name: 'a chain that is a directory', file: 'chain', apply: (path) => replaceByFolder(path) },
  { name: 'a chain that is a dangling link', file: 'chain', apply: (path) => replaceByLink(path) },
  { name: 'a truncated look-up table', file: 'table', apply: halve },
  { name: 'a deleted look-up table', file: 'table', apply: (path) => rmSync(path) },
  { name: 'a truncated profile', file: 'profile', apply: halve },
  { name: 'an empty profile', file: 'profile', apply: (path) => writeFileSync(path, '') },
  {
    name: 'a duplicated profile',
    file: 'profile',
    apply: (path) => cpSync(path, path.replace('.json', '-copy.json')),
  },
];

describe('chaos: profile and chain files', () => {
  for (const breakage of BREAKAGES) {
    it(`${breakage.name}: the old ones serve, the reason is shown, and a good file then loads`, async () => {
      using folders = copyFolders();
      await using rig = await startRig(folders.options);
      const fleet = await rig.fleet({ seed: 11, groups: 1_000, messages: 100, parallel: 4, window: 4, paceMs: 2 });
      await fleet.until(({ acked }) => acked > 20, 'load', 20_000);
      const path = folders[breakage.file];
      const good = readFileSync(path, 'utf8');

      breakage.apply(path);
      const problem = await refusedWith(rig);
      expect(problem).toMatch(breakage.reason ?? new RegExp(path.split('/').at(-1) ?? ''));
      const words = problem.slice(problem.indexOf(':') + 2).slice(0, 40);
      // The log is a pipe: its line may be here after the answer about it.
      await eventually(
        'the log says why',
        () => rig.broker.logs().some((line) => line.event === 'files.refused' && String(line.problem).includes(words)),
        DEADLINE_MS,
      );
      const before = fleet.progress;
      await fleet.until(
        (now) => now.acked > before.acked + 50 && now.provisioned > before.provisioned,
        'the old generation serves devices old and new',
        20_000,
      );

      restore(path, good);
      await eventually('the good files are in force', async () => (await rig.readiness()).ready, DEADLINE_MS);
      await fleet.stop(20_000);
      const counts = await rig.counts();
      expectNothingFound(await rig.judge({ counts }));
    });
  }

  it('bad after good, 20 times, and a storm of renames: the last good one is in force, and no file stays open', async () => {
    using folders = copyFolders();
    await using rig = await startRig(folders.options);
    await rig.readiness();
    const atRest = openFiles(rig);
    const fleet = await rig.fleet({ seed: 12, groups: 1_000, messages: 200, parallel: 2, window: 4, paceMs: 5 });
    await fleet.until(({ acked }) => acked > 20, 'load', 20_000);
    const good = readFileSync(folders.chain, 'utf8');
    for (let round = 0; round < 20; round++) {
      writeFileSync(folders.chain, good.slice(0, 100 + round * 10));
      await refusedWith(rig);
      writeFileSync(folders.chain, good);
      await eventually('the good file is in force', async () => (await rig.readiness()).ready, DEADLINE_MS);
    }
    for (let turn = 0; turn < 200; turn++) {
      writeFileSync(`${folders.chain}.tmp`, turn % 2 === 0 ? '{' : good);
      renameSync(`${folders.chain}.tmp`, folders.chain);
    }
    const loads = () => rig.broker.logs().filter(({ event }) => event === 'files.loaded').length;
    const before = loads();
    writeFileSync(folders.chain, `${good}\n`);
    await eventually('the storm is over', async () => loads() > before && (await rig.readiness()).ready, DEADLINE_MS);
    await fleet.stop(20_000);
    const counts = await rig.counts();
    await eventually('no file is left open', () => openFiles(rig) <= atRest + SPARE, 5_000);
    expectNothingFound(await rig.judge({ counts }));
  });
});

function replaceByFolder(path: string): void {
  rmSync(path);
  cpSync(join(root, 'device-profiles'), path, { recursive: true });
}

function replaceByLink(path: string): void {
  rmSync(path);
  symlinkSync('/nowhere/onboarding.json', path);
}

function restore(path: string, good: string): void {
  rmSync(path.replace('.json', '-copy.json'), { force: true });
  rmSync(path, { recursive: true, force: true });
  writeFileSync(`${path}.new`, good);
  renameSync(`${path}.new`, path);
}

function refusedWith(rig: Rig): Promise<string> {
  return eventually(
    'the bad file is refused',
    async () => {
      const { ready, problem } = await rig.readiness();
      return !ready && problem;
    },
    DEADLINE_MS,
  );
}

/** Descriptors of the broker, sockets among them. */
function openFiles(rig: Rig): number {
  return readdirSync(`/proc/${rig.broker.pid}/fd`).length;
}
