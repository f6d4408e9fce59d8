import { expect, it } from 'vitest';
import { register } from '../../conformance/storage/harness.ts';
import { telemetryConformance } from '../../conformance/storage/telemetry-store.ts';
import { makeEmbedded } from './make-store.ts';

telemetryConformance('embedded', makeEmbedded);

it('embedded: a sweep drops what was acknowledged and is not committed yet', async () => {
  const { storage, dispose } = await makeEmbedded();
  const entityId = await register(storage);
  await storage.telemetry.save({ entityId, ts: 1, values: { n: 1 } });
  const how = { now: 1e12, keepMs: async () => 1000, maxEntities: 10 };
  expect((await storage.telemetry.sweep(how)).removed).toBe(1);
  await dispose();
});
