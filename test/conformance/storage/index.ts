import type { MakeStore } from './harness.ts';
import { registryConformance } from './registry-store.ts';
import { telemetryConformance } from './telemetry-store.ts';

/** Everything an adapter has to keep; `make` gives a fresh store for each test. */
export function storageConformance(name: string, make: MakeStore): void {
  registryConformance(name, make);
  telemetryConformance(name, make);
}
