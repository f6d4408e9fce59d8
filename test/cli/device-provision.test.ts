import { describe, expect, it } from 'vitest';
import { freePort, startApi } from './fake-api.ts';
import { runCli } from './run-cli.ts';

const SUCCESS = { credentialsValue: 'made-token', credentialsType: 'ACCESS_TOKEN', status: 'SUCCESS' };
const words = (port: number) => ['device', 'provision', 'meter-1', '--key', 'smart-meter', '-p', String(port)];

describe('device provision', () => {
  it('asks as a device does, with the secret of the environment and no administrator key', async () => {
    await using api = await startApi({ 'POST /api/v1/provision': { body: SUCCESS } });
    const env = { PROVISION_SECRET_SMART_METER: 'invented', GRIDMOOR_ADMIN_KEY: 'gma_not-for-devices' };
    const ran = await runCli(words(api.port), { env });
    expect(ran.code).toBe(0);
    expect(ran.stdout).toMatch(/^credentialsValue: +made-token$/m);
    expect(api.asked[0]?.body).toEqual({
      deviceName: 'meter-1',
      provisionDeviceKey: 'smart-meter',
      provisionDeviceSecret: 'invented',
    });
    expect(api.asked[0]?.headers.authorization).toBeUndefined();
  });

  it('a refusal ends with 1 and says what it may mean', async () => {
    const body = { errorMsg: 'Provision data was not found!', status: 'NOT_FOUND' };
    await using api = await startApi({ 'POST /api/v1/provision': { body } });
    const ran = await runCli(words(api.port), { env: { PROVISION_SECRET: 'x' } });
    expect(ran).toMatchObject({ code: 1, stdout: '' });
    expect(ran.stderr).toContain('NOT_FOUND: Provision data was not found!');
    const json = await runCli([...words(api.port), '--json'], { env: { PROVISION_SECRET: 'x' } });
    expect(JSON.parse(json.stdout)).toEqual(body);
  });

  it('prints the parts of MQTT_BASIC credentials', async () => {
    const body = {
      status: 'SUCCESS',
      credentialsType: 'MQTT_BASIC',
      credentialsValue: { clientId: 'c', userName: 'u' },
    };
    await using api = await startApi({ 'POST /api/v1/provision': { body } });
    const ran = await runCli([...words(api.port), '--secret-file', '-'], { stdin: 's\n' });
    expect(ran.stdout).toMatch(/^userName: +u$/m);
    expect(api.asked[0]?.body).toMatchObject({ provisionDeviceSecret: 's' });
  });

  it('without a secret names the variable to set', async () => {
    const ran = await runCli(words(1));
    expect(ran).toMatchObject({ code: 2 });
    expect(ran.stderr).toContain('set PROVISION_SECRET_SMART_METER');
  });

  it('without an answer ends with 3, and says which of its flags name another broker', async () => {
    const ran = await runCli(words(await freePort()), { env: { PROVISION_SECRET: 'x' } });
    expect(ran.code).toBe(3);
    expect(ran.stderr).toContain('ECONNREFUSED');
    expect(ran.stderr).toContain('or name another instance with --host and --port.');
    expect(ran.stderr).not.toContain('--url');
  });

  it('a server that answers something else is told apart', async () => {
    await using api = await startApi({ 'POST /api/v1/provision': { status: 500, body: '<html>' } });
    const ran = await runCli(words(api.port), { env: { PROVISION_SECRET: 'x' } });
    expect(ran).toMatchObject({ code: 1 });
    expect(ran.stderr).toContain('gave no provisioning answer (HTTP 500)');
  });

  it.each(['0', '70000', 'x'])('refuses %s as a port', async (port) => {
    const ran = await runCli(['device', 'provision', '--key', 'k', `--port=${port}`], {
      env: { PROVISION_SECRET: 'x' },
    });
    expect(ran.code).toBe(2);
  });
});
