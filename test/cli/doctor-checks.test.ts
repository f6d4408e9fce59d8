import { describe, expect, it } from 'vitest';
import { checkDescriptors, checkNode } from '../../src/cli/doctor-checks.ts';
import { loadConfig } from '../../src/config/index.ts';

describe('checkNode', () => {
  it.each(['20.19.0', '22.0.0', '24.1.0'])('%s is new enough', (version) => {
    expect(checkNode(version).level).toBe('ok');
  });

  it.each(['20.18.9', '18.20.0'])('%s is too old', (version) => {
    expect(checkNode(version)).toMatchObject({ level: 'fail', repair: 'install Node 20.19 or newer' });
  });
});

describe('checkDescriptors', () => {
  it('compares the soft limit with the configured connections', async () => {
    const loaded = await loadConfig({ env: { MQTT_MAX_CONNECTIONS: '1000' }, cwd: '/nonexistent' });
    if (!loaded.ok) throw new Error('the configuration is not valid');
    const limits = (soft: string): string =>
      `Limit  Soft Limit  Hard Limit\nMax open files            ${soft}   1048576   files\n`;
    expect(checkDescriptors(loaded.config, limits('1024'))).toMatchObject({ level: 'warn' });
    expect(checkDescriptors(loaded.config, limits('1200'))).toMatchObject({ level: 'ok' });
    expect(checkDescriptors(loaded.config, limits('unlimited'))).toMatchObject({ level: 'ok' });
    expect(checkDescriptors(loaded.config, '')).toMatchObject({ level: 'ok' });
  });
});
