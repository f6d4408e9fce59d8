import { describe, expect, it } from 'vitest';
import { ConnectThrottle } from '../../src/device-api/connect-throttle.ts';
import { newDeviceId } from '../../src/model/ids.ts';

const RATE = { per2Min: 4, blockMs: 300_000 };

function make() {
  let now = 0;
  const throttle = new ConnectThrottle({ now: () => now, monotonic: () => now });
  return {
    throttle,
    at(ms: number) {
      now = ms;
      return throttle;
    },
  };
}

describe('connect throttle', () => {
  const id = newDeviceId(1);

  it('connects that are two minutes old count no more', () => {
    const { at } = make();
    for (const ms of [0, 1, 2, 3]) expect(at(ms).mayConnect(id, RATE)).toBe(true);
    expect(at(120_000).mayConnect(id, RATE)).toBe(true);
    expect(at(120_000).mayConnect(id, RATE)).toBe(false);
  });

  it('a block ends by its time, whatever is tried meanwhile, and the device begins anew', () => {
    const { at } = make();
    for (let times = 0; times < 5; times++) at(0).mayConnect(id, RATE);
    for (const ms of [1, 150_000, 299_999]) expect(at(ms).mayConnect(id, RATE)).toBe(false);
    for (let times = 0; times < 4; times++) expect(at(300_000).mayConnect(id, RATE)).toBe(true);
    expect(at(300_000).mayConnect(id, RATE)).toBe(false);
  });

  it('without a limit nothing is counted', () => {
    const { throttle } = make();
    for (let times = 0; times < 100; times++) expect(throttle.mayConnect(id, undefined)).toBe(true);
    expect(throttle.size).toBe(0);
  });

  it('remembers no more than 100,000 devices', () => {
    const { throttle } = make();
    for (let n = 0; n < 100_050; n++) throttle.mayConnect(`device-${n}` as typeof id, RATE);
    expect(throttle.size).toBe(100_000);
  });
});
