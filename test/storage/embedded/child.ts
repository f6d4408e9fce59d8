// A process of its own that uses a store; run by `spawn-child.ts`. Speaks one JSON value a line.
import { writeSync } from 'node:fs';
import { newDeviceId } from '../../../src/model/ids.ts';
import { openEmbeddedStorage } from '../../../src/storage/embedded/index.ts';
import type { Storage } from '../../../src/storage/storage.ts';

const [mode, dataDir = ''] = process.argv.slice(2);

/** Unbuffered: what was said before a kill has been said. */
const say = (line: object): void => {
  writeSync(1, `${JSON.stringify(line)}\n`);
};

async function main(): Promise<void> {
  let storage: Storage;
  try {
    storage = await openEmbeddedStorage({ dataDir });
  } catch (error) {
    say({ refused: (error as { code?: string }).code });
    return;
  }
  say({ open: true });
  if (mode === 'write') await writeForever(storage);
  if (mode === 'die') await dieAcknowledged(storage);
  process.stdin.resume();
}

/** Ends by SIGKILL in the turn in which its last write was acknowledged, when none of its devices' has been committed yet. */
async function dieAcknowledged(storage: Storage): Promise<void> {
  for (;;) {
    const ids = Array.from({ length: 5 }, () => newDeviceId(Date.now()));
    for (const id of ids) {
      const device = { id, name: `device-${id}`, profile: 'p', gateway: false, createdAt: 0 };
      const credentials = { deviceId: id, type: 'ACCESS_TOKEN', index: `index-${id}`, createdAt: 0 } as const;
      await storage.registry.createDevice({ device, credentials, serverAttributes: {} });
    }
    const rounds = [1, 2, 3];
    for (const n of rounds) {
      await Promise.all(ids.map((entityId) => storage.telemetry.save({ entityId, ts: n, values: { n } })));
    }
    if (storage.health().pendingWrites !== ids.length * rounds.length) continue;
    say({ dies: ids });
    process.kill(process.pid, 'SIGKILL');
  }
}

/** Twenty devices that send one by one, new devices and attachments between them; says what has been acknowledged. */
async function writeForever(storage: Storage): Promise<void> {
  const supplierId = newDeviceId(Date.now());
  const asset = { id: supplierId as never, type: 'PowerSupplier', name: 'supplier', createdAt: 0 };
  await storage.suppliers.createSupplier({ asset, keys: [{ kid: 'k', hash: 'key', notBefore: 0 }] });
  const send = async (worker: number): Promise<void> => {
    for (let round = 0; ; round++) {
      const id = newDeviceId(Date.now());
      const name = `device-${worker}-${round}`;
      const device = { id, name, profile: 'p', gateway: false, createdAt: 0 };
      const credentials = { deviceId: id, type: 'ACCESS_TOKEN', index: `index-${name}`, createdAt: 0 } as const;
      await storage.registry.createDevice({ device, credentials, serverAttributes: { from: name } });
      say({ created: name });
      await storage.attachments.attach({
        deviceId: id,
        supplierId: asset.id,
        supplyPoint: { scheme: 'cups', stem: `ES${worker}` },
        supplyPointHash: `point-${worker}`,
        grid: { code: '9999', name: 'G' },
        onConflict: 'move',
        now: round,
        by: 'test',
      });
      say({ attached: name, point: `point-${worker}` });
      for (let ts = 0; ts < 40; ts++) {
        await storage.telemetry.save({ entityId: id, ts, values: { n: ts, fill: 'x'.repeat((ts * 37) % 300) } });
        say({ saved: name, ts });
      }
    }
  };
  await Promise.all(Array.from({ length: 20 }, (_, worker) => send(worker)));
}

await main();
