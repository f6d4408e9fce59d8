import { describe, expect, it } from 'vitest';
import { brokerIsBuilt, startBroker } from '../helpers/broker.ts';
import { type GuardedAedes, startGuardedAedes } from '../helpers/guarded-aedes.ts';
import { provisionDevices } from '../helpers/provision.ts';
import { judge, loadAccepted } from './mqtt-packets/accepted.ts';
import { type Case, corpusFolder, corpusIsThere, loadCorpus } from './mqtt-packets/corpus.ts';
import { type Difference, runCase, type Target } from './mqtt-packets/run-case.ts';

const absent = corpusIsThere() ? '' : ` (skipped: no corpus at ${corpusFolder})`;
const unbuilt = brokerIsBuilt() ? '' : ' (skipped: not built, run npm run build)';

/** Plays the cases, as many at a time as there are targets. */
async function runAll(targets: readonly Target[], cases: readonly Case[]): Promise<Difference[]> {
  const differences: Difference[] = [];
  const queue = [...cases];
  const worker = async (target: Target) => {
    for (let test = queue.shift(); test; test = queue.shift()) {
      const difference = await runCase(target, test);
      if (difference) differences.push(difference);
    }
  };
  await Promise.all(targets.map(worker));
  return differences;
}

function expectAsListed(differences: readonly Difference[], broker: 'guard' | 'gridmoor'): void {
  const { unlisted, stale } = judge(differences, loadAccepted(broker));
  expect(unlisted).toEqual([]);
  expect(stale).toEqual([]);
}

function targetOf({ port, broker }: GuardedAedes): Target {
  return {
    port,
    publish: (topic, payload, qos) =>
      new Promise((resolve, reject) => {
        const packet = { cmd: 'publish', topic, payload, qos, retain: false, dup: false } as const;
        broker.publish(packet, (error) => (error ? reject(error) : resolve()));
      }),
  };
}

describe.skipIf(absent !== '')(`packet corpus against aedes behind the guard${absent}`, () => {
  /** Cases that subscribe share topic names, so each needs the broker for itself. */
  const subscribes = (test: Case) => test.steps.some((step) => step.type === 'send' && step.payload.startsWith('82'));

  it('answers every case as listed', { timeout: 120_000 }, async () => {
    const cases = loadCorpus();
    await using shared = await startGuardedAedes();
    const alone = await Promise.all(Array.from({ length: 8 }, () => startGuardedAedes()));
    const differences = [
      ...(await runAll(
        Array(100).fill(targetOf(shared)),
        cases.filter((test) => !subscribes(test)),
      )),
      ...(await runAll(alone.map(targetOf), cases.filter(subscribes))),
    ];
    for (const broker of alone) await broker[Symbol.asyncDispose]();
    expectAsListed(differences, 'guard');
  });
});

describe.skipIf(absent + unbuilt !== '')(`packet corpus against gridmoor${absent}${unbuilt}`, () => {
  it('answers every case as listed, and lives on', { timeout: 240_000 }, async () => {
    await using broker = await startBroker({ env: { GRIDMOOR_FREE_REFUSALS: '1000000' } });
    const { mqtt: port } = broker.ports;
    const names = Array.from({ length: 40 }, (_, i) => `corpus-${i}`);
    const tokens = await provisionDevices({ port, provisionSecret: broker.provisionSecret }, names);
    // One session per device: each worker is a device of its own.
    const targets = tokens.map((username) => ({ port, username }));
    expectAsListed(await runAll(targets, loadCorpus()), 'gridmoor');
    const witness = await runCase(targets[0] as Target, loadCorpus().at(-1) as Case);
    expect(witness).toBeUndefined();
  });
});
