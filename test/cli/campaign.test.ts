import { describe, expect, it } from 'vitest';
import { startApi } from './fake-api.ts';
import { runCli } from './run-cli.ts';

const URL = '/api/gridmoor/ota/campaigns';
const CAMPAIGN = {
  id: 'c1',
  name: 'spring',
  package: 'p1',
  kind: 'firmware',
  title: 'meter',
  version: '2.0',
  state: 'running',
  timeoutSeconds: 900,
  retries: 2,
  targets: 2,
  skipped: { noVersion: 3, hasIt: 1 },
  createdTime: 1_800_000_000_000,
  by: 'key:x',
};
const device = (name: string, more: object) => ({
  device: name,
  name,
  from: '1.0',
  attempts: 1,
  verify: false,
  ...more,
});

describe('campaign', () => {
  it('start sends whom it means and how, and prints who is left out', async () => {
    await using api = await startApi({ [`POST ${URL}`]: { status: 201, body: CAMPAIGN } });
    const whom = ['--profile', 'smart-meter', '--versions', '1.0, 1.1', '--percent', '12.5', '--verify', 'm1,m2'];
    const how = ['--verify-count', '5', '--timeout', '900', '--retries', '0', '--max-failures', '3'];
    const ran = await runCli(['campaign', 'start', 'p1', '--name', 'spring', ...whom, ...how], { env: api.env });
    expect(api.asked[0]?.body).toEqual({
      name: 'spring',
      package: 'p1',
      profile: 'smart-meter',
      versions: ['1.0', '1.1'],
      percent: 12.5,
      verifyDevices: ['m1', 'm2'],
      verifyCount: 5,
      timeoutSeconds: 900,
      retries: 0,
      maxFailures: 3,
    });
    expect(ran.stdout).toMatch(/^skipped: +3 noVersion, 1 hasIt$/m);
  });

  it.each([['--timeout=0'], ['--retries=-1'], ['--percent=all'], ['--max-failures=1.5'], []])(
    'start refuses %s',
    async (...flags) => {
      const name = flags.length > 0 ? ['--name', 'x'] : [];
      expect(await runCli(['campaign', 'start', 'p1', ...name, ...flags])).toMatchObject({ code: 2 });
    },
  );

  it('show reads every page of the devices', async () => {
    await using api = await startApi({
      [`GET ${URL}/c1`]: { body: CAMPAIGN },
      [`GET ${URL}/c1/devices`]: {
        body: { data: [device('m1', { state: 'installing', progress: 20 })], next: 'm1' },
      },
      [`GET ${URL}/c1/devices?after=m1`]: {
        body: { data: [device('m2', { state: 'failed', reason: 'TIMEOUT' })], next: 'm2' },
      },
      [`GET ${URL}/c1/devices?after=m2`]: { body: { data: [] } },
    });
    const ran = await runCli(['campaign', 'show', 'c1'], { env: api.env });
    expect(ran.stdout).toContain('m1\t1.0\tinstalling\t20 %\t1\t-\nm2\t1.0\tfailed\t-\t1\tTIMEOUT\n');
  });

  it('list, stop and delete say what there is and what they did', async () => {
    await using api = await startApi({
      [`GET ${URL}`]: { body: { data: [CAMPAIGN], totalElements: 1, hasNext: false } },
      [`POST ${URL}/c1/stop`]: { body: CAMPAIGN },
      [`DELETE ${URL}/c1`]: { status: 204, body: '' },
    });
    const said = async (...args: string[]) => (await runCli(['campaign', ...args], { env: api.env })).stdout;
    expect(await said('list')).toMatch(/^c1\tspring\tmeter 2.0\trunning\t2\t/);
    expect(await said('stop', 'c1')).toBe('stopped spring\n');
    expect(await said('delete', 'c1')).toBe('deleted c1\n');
  });
});
