import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbeddedStorage } from '../../../src/storage/embedded/index.ts';
import type { MakeStore } from '../../conformance/storage/harness.ts';

/** A fresh embedded store in a directory of its own. */
export const makeEmbedded: MakeStore = async (options = {}) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'gridmoor-store-'));
  const open = () => openEmbeddedStorage({ dataDir, sync: false, ...options });
  let storage = await open();
  return {
    storage,
    async reopen() {
      await storage.close();
      storage = await open();
      return storage;
    },
    async dispose() {
      await storage.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
};
