import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/index.ts';

async function findings(env: Readonly<Record<string, string>>): Promise<string[]> {
  const loaded = await loadConfig({ env, cwd: process.cwd() });
  const issues = loaded.ok ? loaded.warnings : loaded.issues;
  return issues.map(({ level, at, problem }) => `${level} ${at}: ${problem}`);
}

describe('folders of the configuration', () => {
  it.each([
    ['GRIDMOOR_CHAINS_DIR', '/files/chainsDir'],
    ['GRIDMOOR_PROFILES_DIR', '/files/profilesDir'],
  ])('%s names none that can be read: an error', async (name, at) => {
    expect(await findings({ [name]: '/no/such/folder' })).toEqual([`error ${at}: /no/such/folder cannot be read`]);
    expect(await findings({ [name]: 'rule-chains' })).toEqual([]);
  });
});

describe('GRIDMOOR_ALLOWED_HOSTS', () => {
  it.each(['10.0.0.0/33', 'fd00::/129', 'http://name', 'a/8', 'a b', 'fe80::1%eth0'])(
    '%j is an error',
    async (entry) => {
      expect(await findings({ GRIDMOOR_ALLOWED_HOSTS: `db.internal, ${entry}` })).toEqual([
        `error /rules/allowedHosts: ${JSON.stringify(entry)} is no host name, address or network such as 10.0.0.0/8`,
      ]);
    },
  );

  it.each(['', ' , ', 'db.internal, 10.0.0.0/8,fd00::1'])('%j is taken', async (text) => {
    expect(await findings({ GRIDMOOR_ALLOWED_HOSTS: text })).toEqual([]);
  });
});
