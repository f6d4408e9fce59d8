import { describe, expect, it } from 'vitest';
import { LongPolls } from '../../src/device-api/long-polls.ts';
import { newDeviceId } from '../../src/model/ids.ts';

const LIMITS = { max: 3, maxPerDevice: 2, maxTimeoutMs: 60_000 };
const [a, b] = [newDeviceId(1), newDeviceId(2)];
const KIND = 'shared-attributes';

describe('long polls', () => {
  it('every poll of the device and the kind is answered by one push, others wait on', async () => {
    const polls = new LongPolls(LIMITS);
    const waiting = [polls.wait(a, KIND, 60_000), polls.wait(a, KIND, 60_000)];
    const other = polls.wait(b, KIND, 60_000);
    expect([polls.push(a, 'rpc', 'no'), polls.push(a, KIND, '{"c":1}')]).toEqual([0, 2]);
    const update = { kind: 'update', text: '{"c":1}' };
    expect(await Promise.all(waiting)).toEqual([update, update]);
    expect(polls.size).toBe(1);
    polls.stop();
    expect(await other).toEqual({ kind: 'stopped' });
    expect(await polls.wait(a, KIND, 60_000)).toEqual({ kind: 'stopped' });
  });

  it('ends after its time, and no longer one waits than is allowed', async () => {
    const polls = new LongPolls({ ...LIMITS, maxTimeoutMs: 5 });
    expect(await polls.wait(a, KIND, 1)).toEqual({ kind: 'timeout' });
    expect(await polls.wait(a, KIND, 1e9)).toEqual({ kind: 'timeout' });
    expect(polls.size).toBe(0);
  });

  it('only so many wait per device and in all; each end makes room', async () => {
    const polls = new LongPolls(LIMITS);
    const gone = new AbortController();
    const first = polls.wait(a, KIND, 60_000, gone.signal);
    void polls.wait(a, KIND, 60_000);
    expect(await polls.wait(a, KIND, 60_000)).toEqual({ kind: 'full' });
    void polls.wait(b, KIND, 60_000);
    expect(await polls.wait(b, KIND, 60_000)).toEqual({ kind: 'full' });
    gone.abort();
    expect(await first).toEqual({ kind: 'timeout' });
    expect(polls.size).toBe(2);
    const last = polls.wait(b, KIND, 60_000);
    polls.forget(b, 'device-deleted');
    expect(await last).toEqual({ kind: 'device-deleted' });
    polls.stop();
    expect(polls.size).toBe(0);
  });

  it('who has gone before is not waited for', async () => {
    const polls = new LongPolls(LIMITS);
    expect(await polls.wait(a, KIND, 60_000, AbortSignal.abort())).toEqual({ kind: 'timeout' });
    expect(polls.size).toBe(0);
  });
});
