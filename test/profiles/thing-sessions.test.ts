import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadProfiles } from '../../src/profiles/index.ts';

const rod = { name: 'rod', dialect: 'enos', product: { key: 'pK1' } };

async function load(profile: object) {
  const dir = mkdtempSync(join(tmpdir(), 'gm-thing-sessions-'));
  writeFileSync(join(dir, 'one.json'), JSON.stringify(profile));
  const loaded = await loadProfiles(dir, { env: {} });
  return loaded.ok ? loaded.profiles.all()[0]?.thing : loaded.issues.map(({ at, rule }) => `${at} ${rule}`);
}

describe('what profiles say of sessions of other dialects', () => {
  it('a gateway names the profiles of its sub-devices; limits have defaults', async () => {
    expect(await load({ ...rod, gateway: { children: { profiles: ['sub'] } } })).toMatchObject({
      children: { profiles: ['sub'], maxPerRequest: 30, max: 2000 },
      maxPayloadBytes: 524_288,
    });
    const gateway = { children: { profiles: ['sub'], maxPerRequest: 5, max: 7 } };
    const small = { ...rod, gateway, limits: { maxPayloadKb: 1 }, downloads: { url: 'https://iot.example.org/' } };
    expect(await load(small)).toMatchObject({
      children: { maxPerRequest: 5, max: 7 },
      maxPayloadBytes: 1024,
      downloadUrl: 'https://iot.example.org',
    });
    expect(await load(rod)).not.toHaveProperty('children');
  });

  it.each([
    ['a gateway without profiles', { ...rod, gateway: { children: {} } }, '/gateway/children missing-field'],
    ['no profile at all', { ...rod, gateway: { children: { profiles: [] } } }, '/gateway/children/profiles '],
    ['an address with a path', { ...rod, downloads: { url: 'https://x.example/a' } }, '/downloads/url invalid-url'],
    ['an address of another kind', { ...rod, downloads: { url: 'ftp://x.example' } }, '/downloads/url invalid-url'],
    ['an address with a user', { ...rod, downloads: { url: 'http://u@x' } }, '/downloads/url invalid-url'],
    ['a native gateway', { name: 'meter', gateway: { children: { profiles: ['a'] } } }, '/gateway ignored-field'],
    ['native downloads', { name: 'meter', downloads: { url: 'http://x' } }, '/downloads ignored-field'],
    ['a native payload limit', { name: 'meter', limits: { maxPayloadKb: 5 } }, '/limits/maxPayloadKb ignored-field'],
  ])('%s is refused', async (_what, profile, finding) => {
    expect(String(await load(profile))).toContain(finding);
  });
});
