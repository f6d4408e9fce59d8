import { describe, expect, it } from 'vitest';
import { Recorder } from '../../src/device-api/recorder.ts';
import { Secret } from '../../src/model/secret.ts';
import { recordedLine } from '../../src/rules/recording.ts';
import type { RunOptions, RunResult } from '../../src/rules/run.ts';
import { testMsg } from '../helpers/chain-kit.ts';

const PROCESSED: RunResult = { outcome: 'processed' };

function bench(now = 1_000) {
  const clock = { now: () => now, monotonic: () => now };
  const recorder = new Recorder(clock);
  const advance = (ms: number): void => {
    now += ms;
  };
  return { recorder, advance };
}

const found = (options: RunOptions | undefined): RunResult => {
  const step = { chain: 'c', node: 'n', kind: 'onboard/find-supplier', msgId: 'm', labels: ['Found'], to: [], ms: 0 };
  options?.trace?.(step);
  return PROCESSED;
};

describe('Recorder', () => {
  it('runs messages untouched while nothing is recorded', () => {
    const { recorder } = bench();
    const options: RunOptions = {};
    recorder.watch(testMsg(), options, (given) => {
      expect(given).toBe(options);
      return PROCESSED;
    });
  });

  it('writes down messages with pseudonyms, and which key was good, of one device when asked', async () => {
    const { recorder } = bench();
    const msg = testMsg({ data: { Power_supplier_secret_key: new Secret('good key'), CUPS: 'ES0021000012345678LB' } });
    const { id } = recorder.start({ by: 'me', forMs: 100, messages: 10, device: msg.originator.id });
    recorder.watch(msg, undefined, found);
    await recorder.watch(msg, undefined, async () => PROCESSED);
    recorder.watch(testMsg({ originator: { ...msg.originator, id: 'other' as never } }), undefined, found);
    const lines = recorder.read(id, 0, 10)?.lines ?? [];
    const [first, second] = lines.map((line) => JSON.parse(line));
    expect(lines).toHaveLength(2);
    expect(first.known).toEqual([first.data.Power_supplier_secret_key]);
    expect(second.known).toBeUndefined();
    expect(second.data).toEqual(first.data);
    expect(lines.join()).not.toMatch(/good key|12345678/);
    expect(recordedLine(first)).toBe(lines[0]);
  });

  it('ends by number and by time, counts what had no room, and is forgotten in the end', () => {
    const { recorder, advance } = bench();
    const first = recorder.start({ by: 'me', forMs: 100, messages: 1 });
    for (let sent = 0; sent < 3; sent++) recorder.watch(testMsg(), undefined, found);
    expect(recorder.runningBy).toBeUndefined();
    expect(recorder.read(first.id, 0, 10)).toMatchObject({ state: 'full', messages: 1, dropped: 2 });
    const second = recorder.start({ by: 'me', forMs: 100, messages: 10 });
    expect(recorder.read(first.id, 0, 10)).toBeUndefined();
    expect(recorder.runningBy).toBe('me');
    advance(100);
    expect(recorder.runningBy).toBeUndefined();
    recorder.watch(testMsg(), undefined, found);
    expect(recorder.read(second.id, 0, 10)).toMatchObject({ state: 'over', messages: 0, dropped: 0 });
    advance(600_000);
    recorder.watch(testMsg(), undefined, found);
    expect(recorder.read(second.id, 0, 10)).toBeUndefined();
    expect(recorder.end(second.id)).toBe(false);
  });
});
