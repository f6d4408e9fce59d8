export { createDeviceCounter, DEVICE_CONDITIONS, type DeviceCounter, type DeviceCounts } from './device-counts.ts';
export { createHistory } from './history.ts';
export { type Statistics, startStatistics, type Tally } from './statistics.ts';
export { COUNTED, type Counted, type Counts, type Totals } from './totals.ts';
export { GRANULARITIES, WINDOWS, type Window } from './windows.ts';
