import { describe, expect, it } from 'vitest';
import { DeviceLimits } from '../../src/device-api/device-limits.ts';
import { InstanceLimits } from '../../src/device-api/instance-limits.ts';
import { newDeviceId } from '../../src/model/ids.ts';

let nowMs = 0;
const clock = { now: () => nowMs, monotonic: () => nowMs };
const NONE = { messages: '', telemetryMessages: '', telemetryDataPoints: '' };
const [a, b] = [newDeviceId(1), newDeviceId(2)];
const free = { limits: {} };

describe('limits of the instance', () => {
  it('without any nothing is limited', () => {
    const limits = new InstanceLimits(clock, NONE);
    for (let i = 0; i < 1_000; i++) expect(limits.takeTelemetry(1_000) && limits.takeMessage()).toBe(true);
  });

  it('telemetry takes one message and its keys; none counts as another message', () => {
    const limits = new InstanceLimits(clock, {
      messages: '1:60',
      telemetryMessages: '2:60',
      telemetryDataPoints: '5:60',
    });
    expect([limits.takeTelemetry(3), limits.takeTelemetry(3)]).toEqual([true, false]);
    expect([limits.takeTelemetry(0), limits.takeTelemetry(0), limits.takeMessage()]).toEqual([true, false, false]);
    nowMs += 60_000;
    expect([limits.takeTelemetry(5), limits.takeMessage()]).toEqual([true, true]);
  });

  it('are asked before the device its own, and spent even when that refuses', () => {
    const instance = new InstanceLimits(clock, { ...NONE, telemetryMessages: '3:60' });
    const limits = new DeviceLimits(clock, { ...NONE, telemetryMessages: '1:60' }, instance);
    expect([limits.takeTelemetry(a, free, 1), limits.takeTelemetry(a, free, 1)]).toEqual([true, false]);
    expect([limits.takeTelemetry(b, free, 1), limits.takeTelemetry(b, free, 1)]).toEqual([true, false]);
    const unlimited = new DeviceLimits(clock, NONE, instance);
    expect(unlimited.takeTelemetry(a, free, 1)).toBe(false);
  });
});
