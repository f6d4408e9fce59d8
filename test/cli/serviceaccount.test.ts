import { describe, expect, it } from 'vitest';
import { startApi } from './fake-api.ts';
import { runCli } from './run-cli.ts';

const ACCOUNT = { name: 'rod-app', accessKey: 'gmk-1', operations: ['create', 'get-own'], enabled: true };

describe('serviceaccount', () => {
  it('create sends operations, profiles and lifetime, and prints the secret once', async () => {
    const body = { ...ACCOUNT, accessSecret: 'gma_x' };
    await using api = await startApi({ 'POST /api/gridmoor/service-accounts': { status: 201, body } });
    const flags = ['--operations', 'create,get', '--profiles', 'rod, sub', '--days', '1', '--skew', '300'];
    const ran = await runCli(['serviceaccount', 'create', 'rod-app', ...flags], { env: api.env });
    expect(api.asked[0]?.body).toEqual({
      name: 'rod-app',
      operations: ['create', 'get'],
      profiles: ['rod', 'sub'],
      ttlSeconds: 86_400,
      skewSeconds: 300,
    });
    expect(ran.stdout).toMatch(/^accessSecret: +gma_x$/m);
    expect(ran.stderr).toContain('shown this once and kept sealed');
  });

  it.each(['0', '-1', 'soon', '1.5'])('create refuses a skew of %s', async (skew) => {
    expect(await runCli(['serviceaccount', 'create', 'x', `--skew=${skew}`])).toMatchObject({ code: 2 });
  });

  it('list prints one row an account', async () => {
    const data = [ACCOUNT, { ...ACCOUNT, name: 'x', enabled: false, profiles: ['rod'] }];
    await using api = await startApi({
      'GET /api/gridmoor/service-accounts': { body: { data, totalElements: 2, hasNext: false } },
    });
    const ran = await runCli(['serviceaccount', 'list'], { env: api.env });
    expect(ran.stdout).toBe('rod-app\tgmk-1\ton\tcreate,get-own\t-\t-\nx\tgmk-1\toff\tcreate,get-own\trod\t-\n');
  });

  it('disable, enable and delete say what they did', async () => {
    await using api = await startApi({
      'POST /api/gridmoor/service-accounts/rod-app/disable': { body: { ...ACCOUNT, enabled: false } },
      'POST /api/gridmoor/service-accounts/rod-app/enable': { body: ACCOUNT },
      'DELETE /api/gridmoor/service-accounts/rod-app': { status: 204, body: '' },
    });
    for (const [verb, said] of [
      ['disable', 'disabled'],
      ['enable', 'enabled'],
      ['delete', 'deleted'],
    ] as const) {
      const ran = await runCli(['serviceaccount', verb, 'rod-app'], { env: api.env });
      expect(ran).toMatchObject({ code: 0, stdout: `${said} rod-app\n` });
    }
  });
});
