import { randomInt } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { expectNothingFound } from '../helpers/checker.ts';
import type { Moment } from '../helpers/journal-client.ts';
import { withLoad } from '../helpers/with-load.ts';
import { randomOf } from './random.ts';
import { startRig } from './rig.ts';

const seed = Number(process.env.CHAOS_SEED ?? randomInt(1, 2 ** 31));
const rounds = Number(process.env.CHAOS_ROUNDS ?? 50);
/** Rounds stop by then, however slow the machine is. */
const BUDGET_MS = 220_000;
const MOMENTS: readonly Moment[] = ['connect', 'provision', 'attach', 'attributes', 'telemetry', 'ack', 'any'];

describe('chaos: kill -9', () => {
  it(`nothing acknowledged is lost, and nothing is half done, in ${rounds} kills (CHAOS_SEED=${seed})`, () =>
    killOften(rounds, {}));

  it(`the same without waiting for the disk, which only a power cut needs (CHAOS_SEED=${seed})`, () =>
    killOften(Math.ceil(rounds / 5), { GRIDMOOR_STORE_SYNC: 'false' }));
});

async function killOften(times: number, env: Readonly<Record<string, string>>): Promise<void> {
  const random = randomOf(seed);
  const pick = (low: number, high: number): number => low + Math.floor(random() * (high - low + 1));
  await using rig = await startRig({ env });
  const fleet = await rig.fleet({ seed, groups: 4_000, messages: 60, parallel: 12, window: 8 });
  const began = performance.now();
  const readyMs: number[] = [];
  let done = 0;
  for (; done < times && performance.now() - began < BUDGET_MS; done++) {
    const { logins } = fleet.progress;
    await fleet.until((now) => now.logins > logins, 'a login after the start', 60_000);
    // Most faults fall into the work of onboarding, each at its own step.
    const moment = MOMENTS[pick(0, MOMENTS.length - 1)] ?? 'any';
    const often = moment === 'telemetry' || moment === 'ack' || moment === 'any';
    const killed = rig.ended('SIGKILL');
    fleet.arm(rig.broker.pid, moment, pick(1, often ? 800 : 20), pick(0, 6));
    await killed;
    readyMs.push(await rig.startAgain());
  }
  fleet.disarm();
  await fleet.stop(60_000);
  const counts = await rig.counts();
  const findings = await rig.judge({ counts });
  readyMs.sort((a, b) => a - b);
  const at = (part: number): number => Math.round(readyMs[Math.floor(readyMs.length * part)] ?? 0);
  const { provisioned, acked, attached } = fleet.progress;
  console.log(
    `${done} kills in ${Math.round((performance.now() - began) / 1000)} s, ready again after ${at(0.5)} ms (p50), ` +
      `${at(0.95)} ms (p95); ${provisioned} devices provisioned, ${attached} told attached, ${acked} messages acknowledged`,
  );
  expectNothingFound(findings);
  expect(acked).toBeGreaterThan(done * 20);
  // F1: within 2 s. Half of the starts, since what else the machine does is not the broker's.
  expect(at(0.5)).toBeLessThan(withLoad(2_000));
}
