import { describe, expect, it } from 'vitest';
import { breakBuild, MAIN } from '../broken-build.ts';
import { SEED } from './bed.ts';
import { PATCHES, type PlantedBug } from './planted-patches.ts';
import { RUNS } from './planted-runs.ts';

describe(`chaos: planted bugs behind Redis (CHAOS_SEED=${SEED})`, () => {
  it('each fits the build', () => {
    using _ = breakBuild(PATCHES.flatMap(({ patches }) => patches));
  });

  if (!process.env.CHAOS_PLANTED) return;
  for (const name of new Set(PATCHES.map(({ run }) => run))) {
    it(`${name}: nothing is found in a sound build`, async () => {
      expect(await RUNS[name](MAIN)).toEqual([]);
    });
  }
  for (const bug of PATCHES) {
    it(`${bug.caughtBy} catches it when ${bug.name}`, () => isCaught(bug));
  }
});

async function isCaught({ patches, run, caughtBy }: PlantedBug): Promise<void> {
  using build = breakBuild(patches);
  expect(await RUNS[run](build.main)).toContain(caughtBy);
}
