import { describe, expect, it } from 'vitest';
import { startApi } from './fake-api.ts';
import { runCli } from './run-cli.ts';

const URL = '/api/gridmoor/statistics';

describe('statistics', () => {
  it('devices counts by condition', async () => {
    const counts = { total: 3, online: 1, offline: 0, inactive: 2, disabled: 0, retired: 0 };
    await using api = await startApi({ [`GET ${URL}/devices?profile=a%2Cb`]: { body: counts } });
    const run = (...more: string[]) => runCli(['statistics', 'devices', '--profile', 'a,b', ...more], { env: api.env });
    expect((await run()).stdout).toMatch(/^total: +3\nonline: +1\noffline: +0\ninactive: +2\n/);
    expect(JSON.parse((await run('--json')).stdout)).toEqual(counts);
  });

  it('messages shows buckets of time and their sum', async () => {
    const counts = { up: 5, failed: 1, down: 2, 'up.refused': 1 };
    const body = { at: 120_000, active: 3, sum: counts, buckets: [{ at: 60_000, active: 4, counts }] };
    const query = 'window=1d&granularity=30&metric=up.refused';
    await using api = await startApi({ [`GET ${URL}/messages?${query}`]: { body } });
    const flags = ['--window', '1d', '--granularity', '30', '--metric', 'up.refused'];
    const run = (isTty: boolean) => runCli(['statistics', 'messages', ...flags], { env: api.env, isTty });
    expect((await run(false)).stdout).toBe('1970-01-01T00:01:00Z\t4\t5\t1\t2\t1\nsum\t3\t5\t1\t2\t1\n');
    expect((await run(true)).stdout).toMatch(/^FROM +ACTIVE +UP +FAILED +DOWN +UP\.REFUSED\n/);
  });

  it('a wrong word is told as the broker says it', async () => {
    const body = { code: 'BAD_REQUEST', detail: 'query /window: "2h" is not a valid value (one of: 1h, 1d, 7d, 30d)' };
    await using api = await startApi({ [`GET ${URL}/messages?window=2h`]: { status: 400, body } });
    const ran = await runCli(['statistics', 'messages', '--window', '2h'], { env: api.env });
    expect(ran).toMatchObject({ code: 1, stderr: expect.stringContaining('one of: 1h, 1d, 7d, 30d') });
  });
});
