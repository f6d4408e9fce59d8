import { describe, expect, it } from 'vitest';
import { startApi } from './fake-api.ts';
import { runCli } from './run-cli.ts';

describe('apikey', () => {
  it('create sends role and lifetime in seconds, and prints the key once', async () => {
    const body = {
      id: 'k',
      name: 'grafana',
      role: 'read-only',
      createdTime: 0,
      expiresAt: 86_400_000,
      secretKey: 'gma_x',
    };
    await using api = await startApi({ 'POST /api/gridmoor/api-keys': { status: 201, body } });
    const ran = await runCli(['apikey', 'create', 'grafana', '--role', 'read-only', '--days', '1'], { env: api.env });
    expect(api.asked[0]?.body).toEqual({ name: 'grafana', role: 'read-only', ttlSeconds: 86_400 });
    expect(ran.stdout).toMatch(/^expires: +1970-01-02T00:00:00Z$/m);
    expect(ran.stdout).toMatch(/^secretKey: +gma_x$/m);
  });

  it.each(['0', '-1', 'soon'])('create refuses %s days', async (days) => {
    expect(await runCli(['apikey', 'create', 'x', `--days=${days}`])).toMatchObject({ code: 2 });
  });

  it('create sends the supplier of a key of that role', async () => {
    const body = { id: 'k', name: 'portal', role: 'supplier', supplierId: 's', createdTime: 0, secretKey: 'gma_x' };
    await using api = await startApi({ 'POST /api/gridmoor/api-keys': { status: 201, body } });
    const args = ['apikey', 'create', 'portal', '--role', 'supplier', '--supplier', 'Sol Energia'];
    const ran = await runCli(args, { env: api.env });
    expect(api.asked[0]?.body).toEqual({ name: 'portal', role: 'supplier', supplier: 'Sol Energia' });
    expect(ran.stdout).toMatch(/^supplier: +s$/m);
  });

  it('list prints one row a key', async () => {
    const data = [{ id: 'k', name: 'grafana', role: 'read-only', createdTime: 0 }];
    await using api = await startApi({
      'GET /api/gridmoor/api-keys': { body: { data, totalElements: 1, hasNext: false } },
    });
    const ran = await runCli(['apikey', 'list'], { env: api.env });
    expect(ran.stdout).toBe('k\tgrafana\tread-only\t-\t-\t-\n');
  });

  it('revoke names what it revoked', async () => {
    await using api = await startApi({ 'DELETE /api/gridmoor/api-keys/k': { status: 204, body: '' } });
    expect(await runCli(['apikey', 'revoke', 'k'], { env: api.env })).toMatchObject({ code: 0, stdout: 'revoked k\n' });
  });
});
