import { describe, expect, it } from 'vitest';
import { createHealth } from '../../src/observe/health.ts';

const clock = { now: () => 0, monotonic: () => 0 };

describe('health', () => {
  it('is not ready before anything registered, and ready when all checks hold', async () => {
    const health = createHealth({ clock });
    expect((await health.readyz()).ready).toBe(false);
    health.register({ name: 'store', check: () => ({ ok: true }) });
    expect(await health.readyz()).toEqual({ ready: true, checks: [{ name: 'store', ok: true }] });
    expect(health.healthz()).toEqual({ status: 'up', uptimeMs: 0 });
  });

  it('names what does not hold, and becomes ready again when it is taken out', async () => {
    const health = createHealth({ clock });
    health.register({ name: 'store', check: () => ({ ok: true }) });
    const remove = health.register({
      name: 'chains',
      check: async () => ({ ok: false, problem: 'onboarding.json: bad' }),
    });
    expect(await health.readyz()).toEqual({
      ready: false,
      checks: [
        { name: 'store', ok: true },
        { name: 'chains', ok: false, problem: 'onboarding.json: bad' },
      ],
    });
    remove();
    expect((await health.readyz()).ready).toBe(true);
  });

  it('counts a check that throws or hangs as failed, without its cause', async () => {
    const health = createHealth({ clock, checkTimeoutMs: 10 });
    health.register({ name: 'throws', check: () => Promise.reject(new Error('planted-secret')) });
    health.register({ name: 'hangs', check: () => new Promise(() => {}) });
    const body = await health.readyz();
    expect(body.checks.map((check) => check.ok)).toEqual([false, false]);
    expect(JSON.stringify(body)).not.toContain('planted-secret');
  });

  it('an advisory check that fails is shown, and the instance stays ready', async () => {
    const health = createHealth({ clock });
    health.register({ name: 'files', advisory: true, check: () => ({ ok: false, problem: 'a file is broken' }) });
    expect(await health.readyz()).toEqual({
      ready: true,
      checks: [{ name: 'files', ok: false, problem: 'a file is broken' }],
    });
  });
});
