import type { Patch } from '../broken-build.ts';
import type { Promised, RunName } from './planted-runs.ts';

export interface PlantedBug {
  readonly name: string;
  readonly patches: readonly Patch[];
  readonly caughtBy: Promised;
  /** How it comes to light. */
  readonly run: RunName;
}

/** Bugs that only many brokers on one Redis can have. */
export const PATCHES: readonly PlantedBug[] = [
  {
    name: 'a message is acknowledged before Redis has answered',
    patches: [
      {
        file: 'device-api/message-runner.js',
        from: '.pass(context.commit(), releaseOf(',
        to: '.pass(undefined, releaseOf(',
      },
    ],
    caughtBy: 'I1',
    run: 'a broker is killed behind an acknowledgement',
  },
  {
    name: 'a step that is sent again is done again',
    patches: [{ file: 'storage/redis/lua/prelude.lua', from: 'if answered then\n  return answered\nend', to: '' }],
    caughtBy: 'I3',
    run: 'connections to Redis are reset',
  },
  {
    name: 'the name of a new device is not looked at in the step that writes',
    patches: [
      {
        file: 'storage/redis/registry-store.js',
        from: 'draft.expectNone(KEYS.deviceNames, closed(device.name));\n    draft.expectField(KEYS.credentialsByIndex',
        to: 'draft.expectField(KEYS.credentialsByIndex',
      },
    ],
    caughtBy: 'I3',
    run: 'two brokers at work',
  },
  {
    name: 'the credentials of a new device are not looked at in the step that writes',
    patches: [
      {
        file: 'storage/redis/registry-store.js',
        from: 'draft.expectField(KEYS.credentialsByIndex, credentials.index, undefined);',
        to: '',
      },
    ],
    caughtBy: 'I2',
    run: 'two brokers at work',
  },
  {
    name: 'an attachment is written in two steps',
    patches: [
      {
        file: 'storage/redis/attachments.js',
        from: '    for (const relation of relationsOf(stored))\n        writeRelation(draft, relation);\n}',
        to: `    halves.push(stored);
}
export const halves = [];
export function writeHalf(draft, stored) {
    for (const relation of relationsOf(stored))
        writeRelation(draft, relation);
}`,
      },
      {
        file: 'storage/redis/attachment-store.js',
        from: 'attach: (request) => commits.run(request.deviceId, (draft) => attach(draft, request), 1024),',
        to: `attach: async (request) => {
            const result = await commits.run(request.deviceId, (draft) => attach(draft, request), 1024);
            await new Promise((resolve) => setTimeout(resolve, 20));
            for (const half of halves.splice(0))
                await commits.run(half.device.id, async (draft) => writeHalf(draft, half));
            return result;
        },`,
      },
      {
        file: 'storage/redis/attachment-store.js',
        from: 'export function createAttachmentStore(',
        to: "import { halves, writeHalf } from './attachments.js';\nexport function createAttachmentStore(",
      },
    ],
    caughtBy: 'I4',
    run: 'a broker is killed behind an attachment',
  },
  {
    name: 'the holder of a supply point is looked up outside the step that writes',
    patches: [
      { file: 'storage/redis/commit.js', from: "checks.push(['range', key, ...span, limit, ...found]);", to: '' },
    ],
    caughtBy: 'I4',
    run: 'two brokers at work',
  },
  {
    name: 'attributes of an older session are taken',
    patches: [
      {
        file: 'storage/redis/lua/save-attributes.lua',
        from: "marker and (epoch == 0 or (tonumber(marker) or tonumber(string.match(marker, ' (%d+)$'))) <= epoch)",
        to: 'marker',
      },
    ],
    caughtBy: 'I9',
    run: 'a broker is cut off from Redis',
  },
  {
    name: 'nobody tells the broker that had the device',
    patches: [
      {
        file: 'device-api/session-claims.js',
        from: 'await this.#kick(former.run, id, epoch);',
        to: 'await Promise.resolve();',
      },
    ],
    caughtBy: 'take-over',
    run: 'a device comes to the other broker',
  },
  {
    name: 'nobody ends the sessions of a broker that has died',
    patches: [{ file: 'app/cluster-care.js', from: 'await takeFrom(run);', to: 'await Promise.resolve(takeFrom);' }],
    caughtBy: 'orphans',
    run: 'a broker dies',
  },
];
