import { defineConfig } from 'vitest/config';

const heavy = { testTimeout: 60_000, hookTimeout: 60_000 };

export default defineConfig({
  test: {
    maxWorkers: 2,
    globalSetup: 'test/helpers/temporary-folder.ts',
    reporters: ['default'],
    projects: [
      {
        test: {
          name: 'unit',
          testTimeout: 30_000,
          include: ['test/**/*.test.ts'],
          exclude: ['test/{integration,conformance,chaos}/**'],
        },
      },
      { test: { name: 'integration', include: ['test/integration/**/*.test.ts'], ...heavy } },
      { test: { name: 'conformance', include: ['test/conformance/**/*.test.ts'], ...heavy } },
      {
        test: {
          name: 'chaos',
          include: ['test/chaos/**/*.test.ts'],
          testTimeout: 600_000,
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
