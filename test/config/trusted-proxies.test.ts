import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/index.ts';

async function findings(env: Readonly<Record<string, string>>): Promise<string[]> {
  const loaded = await loadConfig({ env, cwd: '/nowhere' });
  const issues = loaded.ok ? loaded.warnings : loaded.issues;
  return issues.map(({ level, at, problem }) => `${level} ${at}: ${problem}`);
}

describe('PROXY protocol settings', () => {
  it('are off by default, and take addresses and networks of both families', async () => {
    const loaded = await loadConfig({ env: {}, cwd: '/nowhere' });
    if (!loaded.ok) throw new Error('the defaults are not valid');
    expect(loaded.config.mqtt.proxyProtocolEnabled).toBe(false);
    expect(loaded.config.http.proxyProtocolEnabled).toBe(false);
    const both = { MQTT_PROXY_PROTOCOL_ENABLED: 'true', HTTP_PROXY_PROTOCOL_ENABLED: 'true' };
    expect(await findings({ ...both, GRIDMOOR_TRUSTED_PROXIES: '10.0.3.7, 10.1.0.0/24,fd00::/8 ,::1' })).toEqual([]);
  });

  it('without a load balancer that is trusted are refused: nobody could connect through one', async () => {
    expect(await findings({ MQTT_PROXY_PROTOCOL_ENABLED: 'true' })).toEqual([
      'error /mqtt/proxyProtocolEnabled: MQTT_PROXY_PROTOCOL_ENABLED is on, but GRIDMOOR_TRUSTED_PROXIES names no load balancer',
    ]);
    expect(await findings({ HTTP_PROXY_PROTOCOL_ENABLED: 'true', GRIDMOOR_TRUSTED_PROXIES: ' ' })).toEqual([
      expect.stringMatching(/^error \/http\/proxyProtocolEnabled: /),
    ]);
  });

  it.each([
    'haproxy.internal',
    '10.0.0.0/33',
    '10.0.0',
    'fe80::1%eth0',
    '10.0.0.0/',
    '1.2.3.4/8/8',
    '::1/129',
    '10.0.0.0/-1',
  ])('%s is no address and no network', async (entry) => {
    expect(await findings({ GRIDMOOR_TRUSTED_PROXIES: `10.0.0.1,${entry}` })).toEqual([
      `error /instance/trustedProxies: ${JSON.stringify(entry)} is no address and no network such as 10.1.0.0/24`,
    ]);
  });

  it.each(['0.0.0.0/0', '::/0', '10.0.0.1,0.0.0.0/0'])('%s trusts everybody: a warning', async (text) => {
    expect(await findings({ GRIDMOOR_TRUSTED_PROXIES: text })).toEqual([
      'warning /instance/trustedProxies: trusts everybody: any peer may claim any address',
    ]);
  });
});
