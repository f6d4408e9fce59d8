import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GuardedAedes, startGuardedAedes } from '../helpers/guarded-aedes.ts';
import { judge, loadAccepted } from './mqtt-packets/accepted.ts';
import { type Case, corpusFolder, corpusIsThere, loadCorpus } from './mqtt-packets/corpus.ts';
import { type Difference, runCase, type Target } from './mqtt-packets/run-case.ts';

const absent = corpusIsThere() ? '' : ` (skipped: no corpus at ${corpusFolder})`;

/** Cases that subscribe share topic names, so each needs the broker for itself. */
function subscribes(test: Case): boolean {
  return test.steps.some((step) => step.type === 'send' && step.payload.startsWith('82'));
}

async function runAll(target: Target, cases: readonly Case[], parallel: number): Promise<Difference[]> {
  const differences: Difference[] = [];
  const queue = [...cases];
  const worker = async () => {
    for (let test = queue.shift(); test; test = queue.shift()) {
      const difference = await runCase(target, test);
      if (difference) differences.push(difference);
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  return differences;
}

describe.skipIf(absent !== '')(`packet corpus against aedes behind the guard${absent}`, () => {
  const deaths: unknown[] = [];
  const died = (error: unknown) => deaths.push(error);
  const brokers: GuardedAedes[] = [];

  beforeAll(() => {
    process.on('uncaughtException', died);
    process.on('unhandledRejection', died);
  });
  afterAll(async () => {
    process.off('uncaughtException', died);
    process.off('unhandledRejection', died);
    for (const broker of brokers) await broker[Symbol.asyncDispose]();
  });

  async function start(): Promise<Target> {
    const guarded = await startGuardedAedes();
    brokers.push(guarded);
    const { broker, port } = guarded;
    return {
      port,
      publish: (topic, payload, qos) =>
        new Promise((resolve, reject) => {
          const packet = { cmd: 'publish', topic, payload, qos, retain: false, dup: false } as const;
          broker.publish(packet, (error) => (error ? reject(error) : resolve()));
        }),
    };
  }

  it('answers every case as listed, and survives all of them', { timeout: 120_000 }, async () => {
    const cases = loadCorpus();
    const differences = [
      ...(await runAll(
        await start(),
        cases.filter((test) => !subscribes(test)),
        100,
      )),
      ...(await runAll(await start(), cases.filter(subscribes), 1)),
    ];
    const { unlisted, stale } = judge(differences, loadAccepted('guard'));
    expect(deaths).toEqual([]);
    expect(unlisted).toEqual([]);
    expect(stale).toEqual([]);
  });
});
