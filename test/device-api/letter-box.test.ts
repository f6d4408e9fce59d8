import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createMessageCounters } from '../../src/device-api/counters.ts';
import { TOLD_EVERY_MS, tellForgotten } from '../../src/device-api/letter-box.ts';
import { TENANT } from '../../src/model/entity.ts';
import { createLog } from '../../src/observe/index.ts';
import { openEmbeddedStorage } from '../../src/storage/embedded/index.ts';

it('letters that are forgotten for newer ones are counted each, and told in the log once a minute', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'gridmoor-letters-'));
  const storage = await openEmbeddedStorage({ dataDir, sync: false, maxDeadLetters: 2 });
  const lines: string[] = [];
  const told = () => lines.map((line) => JSON.parse(line) as object);
  const counters = createMessageCounters();
  let now = 0;
  const letters = tellForgotten(storage.deadLetters, {
    counters,
    clock: { now: () => now, monotonic: () => now },
    log: createLog({ level: 'info', destination: { write: (line) => lines.push(line) } }),
  });
  const put = (id: string) =>
    letters.put({
      ...{ id, at: 1, originator: TENANT, originatorName: 't', retries: 0, sealed: 'text', metadata: {}, data: {} },
      ...{ chain: 'root', node: 'save', reason: 'NODE_FAILED', msgType: 'POST_TELEMETRY_REQUEST' },
    });
  await put('1');
  await put('2');
  expect([counters.lettersForgotten, lines]).toEqual([0, []]);
  for (const id of ['3', '4', '5']) await put(id);
  expect(counters.lettersForgotten).toBe(3);
  expect(told()).toEqual([expect.objectContaining({ level: 'warn', event: 'dead-letters.forgotten', letters: 1 })]);
  now += TOLD_EVERY_MS;
  await put('6');
  expect(counters.lettersForgotten).toBe(4);
  expect(told().slice(1)).toEqual([expect.objectContaining({ event: 'dead-letters.forgotten', letters: 3 })]);
  expect((await letters.list({ page: 0, pageSize: 9 })).data.map(({ id }) => id)).toEqual(['6', '5']);
  await storage.close();
  rmSync(dataDir, { recursive: true });
});
