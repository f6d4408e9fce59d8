import { describe, expect, it } from 'vitest';
import { describeFindings, expectNothingFound, type Finding, type Invariant } from '../helpers/checker.ts';
import type { Moment } from '../helpers/journal-client.ts';
import { breakBuild, type Patch } from './broken-build.ts';
import { startRig } from './rig.ts';
import type { FleetPlan } from './rig-parts.ts';

interface PlantedBug {
  readonly name: string;
  readonly patches: readonly Patch[];
  readonly caughtBy: Invariant;
  /** Where the broker is killed, and how often; undefined = a run without a kill. */
  readonly kills?: { readonly moment: Moment; readonly times: number; readonly delayMs: number };
  readonly fleet?: Partial<FleetPlan>;
}

const BUGS: readonly PlantedBug[] = [
  {
    name: 'a message is acknowledged before it is committed',
    patches: [
      {
        file: 'device-api/message-runner.js',
        from: '.pass(context.commit(), releaseOf(',
        to: '.pass(undefined, releaseOf(',
      },
    ],
    caughtBy: 'I1',
    kills: { moment: 'ack', times: 3, delayMs: 0 },
  },
  {
    name: 'messages of one device overtake each other',
    patches: [
      {
        file: 'device-api/originator-queue.js',
        from: 'run(originator, job) {\n        const busy = this.#busy.get(originator);',
        to: 'run(originator, job) {\n        const busy = undefined;',
      },
    ],
    caughtBy: 'I9',
  },
  {
    name: 'a provisioning answer goes to the provisioning session before, too',
    patches: [
      {
        file: 'transport/mqtt/provision-session.js',
        from: 'export class ProvisionSession {',
        to: 'const everybody = [];\nexport class ProvisionSession {',
      },
      {
        file: 'transport/mqtt/provision-session.js',
        from: 'this.#client = client;',
        to: 'this.#client = client;\n        everybody.push(client);',
      },
      {
        file: 'transport/mqtt/provision-session.js',
        from: 'sendTo(this.#client, PROVISION_RESPONSE, payload,',
        to: 'for (const other of new Set([everybody.at(-2) ?? this.#client, this.#client])) sendTo(other, PROVISION_RESPONSE, payload,',
      },
    ],
    caughtBy: 'I6',
  },
  {
    name: 'a token may be used again by another device',
    patches: [
      {
        file: 'storage/embedded/registry-store.js',
        from: "if (tables.credentialsByIndex.has(index))\n        return { kind: 'credentials-taken' };\n    const counter",
        to: 'const counter',
      },
    ],
    caughtBy: 'I2',
  },
  {
    name: 'an attachment is written in two steps',
    patches: [
      {
        file: 'storage/embedded/attachments.js',
        from: 'for (const relation of relationsOf(stored))\n        putRelation(tables, relation);',
        to: 'halves.push(stored);',
      },
      {
        file: 'storage/embedded/attachments.js',
        from: 'export function writeAttachment(',
        to: `const halves = [];
export const takeHalves = () => halves.splice(0);
export function writeHalves(tables, written) {
    for (const half of written)
        for (const relation of relationsOf(half))
            putRelation(tables, relation);
}
export function writeAttachment(`,
      },
      {
        file: 'storage/embedded/attachment-store.js',
        from: 'import { addHistory, endAttachment,',
        to: 'import { takeHalves, writeHalves, addHistory, endAttachment,',
      },
      {
        file: 'storage/embedded/attachment-store.js',
        from: 'attach: (request) => committer.run((tx) => attach(tables, tx, request)),',
        to: `attach: async (request) => {
            const result = await committer.run((tx) => attach(tables, tx, request));
            const written = takeHalves();
            await new Promise((resolve) => setTimeout(resolve, 300));
            await committer.run(() => writeHalves(tables, written));
            return result;
        },`,
      },
    ],
    caughtBy: 'I4',
    kills: { moment: 'attach', times: 4, delayMs: 150 },
    fleet: { messages: 10 },
  },
  {
    name: 'the holder of a supply point is looked up outside the step that writes',
    patches: [
      {
        file: 'storage/embedded/attachment-store.js',
        from: 'const holders = holdersOf(tables, supplyPointHash).filter(',
        to: 'const holders = request.seen.filter(',
      },
      {
        file: 'storage/embedded/attachment-store.js',
        from: 'attach: (request) => committer.run((tx) => attach(tables, tx, request)),',
        // So long that two devices meet in it, however they are spread over commits.
        to: `attach: async (request) => {
            const seen = holdersOf(tables, request.supplyPointHash);
            await new Promise((resolve) => setTimeout(resolve, 50));
            return committer.run((tx) => attach(tables, tx, { ...request, seen }));
        },`,
      },
    ],
    caughtBy: 'I4',
    fleet: { messages: 10 },
  },
  {
    name: 'a stop does not wait for what was accepted',
    patches: [
      { file: 'app/compose.js', from: 'await runner.drain();', to: '' },
      {
        file: 'transport/mqtt/device-broker.js',
        from: 'await Promise.race([this.#api.settled(), pause(FINISH_MS, undefined, { ref: false })]);',
        to: '',
      },
      // What still runs reads from the store: closed, it would end the process before it is judged.
      { file: 'storage/embedded/index.js', from: 'await environment.close();', to: '' },
    ],
    caughtBy: 'I11',
    fleet: { messages: 5_000, window: 90, attachEvery: 1 },
  },
];

describe('chaos: planted bugs', () => {
  it('nothing is found in the same runs of a sound build', async () => {
    using build = breakBuild([]);
    for (const bug of BUGS) {
      if (!bug.kills && !bug.fleet) continue; // covered by the others' runs
      const findings = await run(build.main, bug);
      expectNothingFound(findings, bug.name);
    }
  });

  for (const bug of BUGS) {
    it(`${bug.caughtBy} catches it when ${bug.name}`, async () => {
      using build = breakBuild(bug.patches);
      const findings = await run(build.main, bug);
      const caught = findings.map(({ invariant }) => invariant);
      expect(caught, describeFindings(findings)).toContain(bug.caughtBy);
    });
  }
});

/** A short run: some kills, or some load and a stop; both are judged in the end. */
async function run(main: string, { kills, fleet: plan }: PlantedBug): Promise<readonly Finding[]> {
  await using rig = await startRig({ main });
  const shape = { seed: 20_260_101, groups: 4_000, messages: 60, parallel: 12, window: 8, ...plan };
  const fleet = await rig.fleet(shape);
  for (let kill = 0; kill < (kills?.times ?? 0) && kills; kill++) {
    const { logins } = fleet.progress;
    await fleet.until((now) => now.logins > logins, 'a login after the start', 60_000);
    const killed = rig.ended('SIGKILL');
    fleet.arm(rig.broker.pid, kills.moment, 5 + kill, kills.delayMs);
    await killed;
    await rig.startAgain();
  }
  const { acked, finished } = fleet.progress;
  await fleet.until((now) => now.acked >= acked + 300, '300 messages acknowledged', 60_000);
  if (!kills && !plan?.attachEvery) await fleet.until((now) => now.finished >= finished + 8, '8 devices done', 60_000);
  return await rig.judge(); // before the rig is taken down
}
