import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createServerRpc } from '../../src/device-api/server-rpc.ts';
import type { DeviceId } from '../../src/model/ids.ts';

const [A, B] = ['a', 'b'] as [DeviceId, DeviceId];

describe('server rpc: calls of devices', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const setUp = () => {
    const calls = createServerRpc({ timeoutMs: 1_000, maxPerDevice: 2, maxTotal: 3 });
    const answers: string[] = [];
    const open = (device: DeviceId, requestId: string, sessionId = `s-${device}`) =>
      calls.open({ device, sessionId, requestId, answer: (text) => answers.push(`${device}${requestId} ${text}`) });
    return { calls, answers, open };
  };

  it('an answer reaches its call once, and only from a message of the same device', () => {
    const { calls, answers, open } = setUp();
    open(A, '1');
    expect(calls.reply(B, { sessionId: 's-a', requestId: '1' }, '{}')).toBe(false);
    expect(calls.reply(A, { sessionId: 's-other', requestId: '1' }, '{}')).toBe(false);
    expect(calls.reply(A, { sessionId: 's-a', requestId: '1' }, '{"n":1}')).toBe(true);
    expect(calls.reply(A, { sessionId: 's-a', requestId: '1' }, '{"n":2}')).toBe(false);
    vi.advanceTimersByTime(5_000);
    expect(answers).toEqual(['a1 {"n":1}']);
    expect(calls.waiting).toBe(0);
  });

  it('without an answer it is a timeout', () => {
    const { calls, answers, open } = setUp();
    open(A, '1');
    vi.advanceTimersByTime(999);
    expect(answers).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(answers).toEqual(['a1 {"error":"timeout"}']);
    expect(calls.reply(A, { sessionId: 's-a', requestId: '1' }, '{}')).toBe(false);
  });

  it('waiting calls are bounded, of one device and in all, and their room comes back', () => {
    const { calls, open } = setUp();
    expect([open(A, '1'), open(A, '2'), open(A, '3')].map((one) => one !== undefined)).toEqual([true, true, false]);
    expect([open(B, '1'), open(B, '2')].map((one) => one !== undefined)).toEqual([true, false]);
    vi.advanceTimersByTime(1_000);
    expect(calls.waiting).toBe(0);
    expect([open(B, '1'), open(B, '2')].every((one) => one !== undefined)).toBe(true);
  });

  it('a repeated number takes the place of the call that waits under it', () => {
    const { calls, answers, open } = setUp();
    const first = open(A, '1');
    vi.advanceTimersByTime(600);
    open(A, '1');
    first?.cancel();
    expect(calls.waiting).toBe(1);
    vi.advanceTimersByTime(600);
    expect(answers).toEqual([]);
    vi.advanceTimersByTime(400);
    expect(answers).toEqual(['a1 {"error":"timeout"}']);
  });
});
