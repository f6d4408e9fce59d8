import { chmodSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Secret } from '../../src/model/secret.ts';
import { type LoadOptions, loadProfiles } from '../../src/profiles/index.ts';

const PLANTED = 'planted-provision-secret';

const meter = {
  name: 'meter',
  provision: { strategy: 'allow-create-new-devices', key: 'meter', secret: { env: 'METER_SECRET' } },
};

function folder(files: Record<string, unknown>): string {
  const dir = mkdtempSync(join(tmpdir(), 'gm-profiles-'));
  for (const [name, content] of Object.entries(files)) {
    const raw = typeof content === 'string' || Buffer.isBuffer(content);
    writeFileSync(join(dir, name), raw ? (content as string) : JSON.stringify(content));
  }
  return dir;
}

const load = (files: Record<string, unknown>, options: Partial<LoadOptions> = {}) =>
  loadProfiles(folder(files), { env: {}, ...options });

async function issues(files: Record<string, unknown>, options?: Partial<LoadOptions>) {
  const loaded = await load(files, options);
  if (loaded.ok) throw new Error('the profiles were accepted');
  return loaded.issues;
}

async function profile(content: unknown, options?: Partial<LoadOptions>) {
  const loaded = await load({ 'p.json': content }, options);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.issues));
  const [only] = loaded.profiles.all();
  if (!only) throw new Error('no profile');
  return { profile: only, warnings: loaded.warnings };
}

describe('profiles: a folder', () => {
  it('loads the shipped sample', async () => {
    const loaded = await loadProfiles(join(import.meta.dirname, '../../device-profiles'), {
      env: { PROVISION_SECRET_SMART_METER: PLANTED },
    });
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.issues));
    expect(loaded.warnings).toEqual([]);
    const sample = loaded.profiles.byProvisionKey('smart-meter');
    expect(sample).toBe(loaded.profiles.byName('smart-meter'));
    expect(sample?.provision.strategy).toBe('allow-create-new-devices');
    expect(sample?.provision.secret).toEqual({ kind: 'known', secret: new Secret(PLANTED) });
    expect(sample).toMatchObject({ typeCast: false, topics: {}, sendAckOnValidationException: false });
  });

  it('ignores schema files, hidden files and other files, and orders by name', async () => {
    const loaded = await load({
      'z.json': { name: 'a' },
      'a.json': { name: 'z' },
      'profile.schema.json': '{',
      '.#z.json': '{',
      'notes.txt': 'x',
    });
    expect(loaded.ok && loaded.profiles.all().map(({ name }) => name)).toEqual(['a', 'z']);
  });

  it('names both files when a name or a provision key stands twice', async () => {
    const found = await issues({ 'a.json': meter, 'b.json': meter, 'c.json': { ...meter, name: 'other' } });
    expect(found.map(({ rule, at }) => [rule, at])).toEqual([
      ['duplicate-name', '/name'],
      ['duplicate-key', '/provision/key'],
      ['duplicate-key', '/provision/key'],
    ]);
    expect(found[0]?.file).toMatch(/b\.json$/);
    expect(found[0]?.problem).toMatch(/a\.json$/);
  });

  it('takes all files or none, and tells every finding at once', async () => {
    const found = await issues({ 'a.json': meter, 'b.json': '{', 'c.json': { name: 5 } });
    expect(found.map(({ rule }) => rule)).toEqual(['invalid-json', 'wrong-type']);
  });

  it('warns of an empty folder and refuses a missing one', async () => {
    const empty = await load({});
    expect(empty.ok && empty.warnings.map(({ rule }) => rule)).toEqual(['no-profiles']);
    const missing = await loadProfiles('/nowhere/profiles', { env: {} });
    expect(missing.ok ? [] : missing.issues.map(({ rule }) => rule)).toEqual(['unreadable']);
  });

  it.each<[string, string | Buffer, string]>([
    ['nothing', '', 'empty-file'],
    ['white space', ' \n', 'empty-file'],
    ['half a text', JSON.stringify(meter).slice(0, 40), 'invalid-json'],
    ['NUL bytes', Buffer.from([0x7b, 0, 0x7d]), 'not-text'],
    ['invalid UTF-8', Buffer.from([0x22, 0xff, 0xfe, 0x22]), 'invalid-json'],
    ['5 MB', ' '.repeat(5_000_000), 'too-large'],
    ['deep nesting', '['.repeat(100_000), 'invalid-json'],
    [
      'a key that stands twice',
      `{"history":"1d",${JSON.stringify({ ...meter, history: '2d' }).slice(1)}`,
      'duplicate-key',
    ],
    ['an array', '[]', 'wrong-type'],
    ['null', 'null', 'wrong-type'],
    ['a prototype', '{"name":"a","__proto__":{"x":1}}', 'unknown-field'],
  ])('refuses a file with %s by one readable finding', async (_what, content, rule) => {
    const found = await issues({ 'p.json': content });
    expect(found.map((issue) => issue.rule)).toEqual([rule]);
    expect(found[0]?.file).toMatch(/p\.json$/);
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });

  it('refuses folders, dangling links, link circles and files without rights in place of a file', async () => {
    const dir = folder({ 'rights.json': meter });
    mkdirSync(join(dir, 'folder.json'));
    symlinkSync('/nowhere', join(dir, 'dangling.json'));
    symlinkSync('circle.json', join(dir, 'circle.json'));
    chmodSync(join(dir, 'rights.json'), 0);
    const loaded = await loadProfiles(dir, { env: {} });
    const rules = loaded.ok ? [] : loaded.issues.map(({ rule }) => rule);
    const root = process.getuid?.() === 0;
    expect(rules).toEqual(['unreadable', 'unreadable', 'not-a-file', ...(root ? [] : ['unreadable'])]);
  });
});

describe('profiles: secrets', () => {
  const secretOf = async (secret: unknown, options?: Partial<LoadOptions>) => {
    const loaded = await profile({ ...meter, provision: { ...meter.provision, secret } }, options);
    return { secret: loaded.profile.provision.secret, rules: loaded.warnings.map(({ rule }) => rule) };
  };

  it('are known from the environment, from NAME_FILE and from a file beside the profile', async () => {
    const dir = folder({
      'p.json': { ...meter, provision: { ...meter.provision, secret: { file: 's' } } },
      s: `${PLANTED}\n`,
    });
    const known = { kind: 'known', secret: new Secret(PLANTED) };
    const byFile = await loadProfiles(dir, { env: {} });
    const byEnv = await secretOf({ env: 'S' }, { env: { S: PLANTED } });
    const byEnvFile = await secretOf({ env: 'S' }, { env: { S_FILE: join(dir, 's') } });
    for (const secret of [
      byFile.ok && byFile.profiles.byName('meter')?.provision.secret,
      byEnv.secret,
      byEnvFile.secret,
    ]) {
      expect(secret).toEqual(known);
      expect(secret && 'secret' in secret && secret.secret.reveal()).toBe(PLANTED);
    }
  });

  it('are pending with their variable when the environment has none', async () => {
    expect((await secretOf({ env: 'S' })).secret).toEqual({ kind: 'pending', variable: 'S' });
    expect((await secretOf({ env: 'S' }, { env: { S: '' } })).secret).toEqual({ kind: 'pending', variable: 'S' });
    expect((await secretOf(undefined)).secret).toEqual({ kind: 'pending', variable: undefined });
  });

  it('in clear work with a warning; short ones get one more', async () => {
    expect((await secretOf(PLANTED)).rules).toEqual(['literal-secret']);
    expect((await secretOf('short')).rules).toEqual(['literal-secret', 'weak-secret']);
  });

  it('are refused in other forms, without being quoted', async () => {
    for (const secret of [
      5,
      [PLANTED],
      {},
      '',
      { env: PLANTED, file: PLANTED },
      { evn: PLANTED },
      { env: `${PLANTED} x` },
    ]) {
      const found = await issues({ 'p.json': { ...meter, provision: { ...meter.provision, secret } } });
      expect(found.map(({ rule, at }) => [rule, at])).toEqual([['wrong-secret', '/provision/secret']]);
      expect(JSON.stringify(found)).not.toContain(PLANTED);
    }
    const missing = await issues({
      'p.json': { ...meter, provision: { ...meter.provision, secret: { file: 'none' } } },
    });
    expect(missing.map(({ rule }) => rule)).toEqual(['missing-secret']);
  });
});

describe('profiles: settings', () => {
  it('keep custom topics, limits, history and quota', async () => {
    const { profile: full } = await profile({
      ...meter,
      topics: { telemetry: 'meters/+/data', attributes: 'v1/devices/me/attributes' },
      limits: { messages: '10:1' },
      history: '2d',
      keepRetired: '90d',
      typeCast: true,
      sendAckOnValidationException: true,
      provision: { ...meter.provision, quota: 5, rate: '1:1' },
    });
    expect(full.transport).toBe('mqtt');
    expect(full.topics.telemetry?.matches('meters/7/data')).toBe(true);
    expect(full.topics.attributes).toBeUndefined();
    expect(full.retention).toEqual({ historyMs: 172_800_000, retiredMs: 7_776_000_000 });
    expect(full.limits).toEqual({ messages: '10:1' });
    expect(full).toMatchObject({ typeCast: true, sendAckOnValidationException: true });
    expect(full.provision).toMatchObject({ quota: 5, rate: '1:1', onExisting: 'reject' });
  });

  it('check each telemetry sample and the attributes with the profile schemas', async () => {
    const schema = { type: 'object', properties: { t: { type: 'number', maximum: 9 } }, additionalProperties: false };
    const { profile: checked } = await profile({ name: 'p', telemetrySchema: schema, attributesSchema: schema });
    expect(checked.checkTelemetry?.({ t: 5 })).toBeUndefined();
    expect(checked.checkTelemetry?.({ ts: 1, values: { t: 5 } })).toBeUndefined();
    expect(checked.checkTelemetry?.([{ t: 5 }, { ts: 1, values: { t: 10 } }])).toBe('sample 1: /t must be <= 9');
    expect(checked.checkAttributes?.({ t: 'planted' })).toBe('/t must be number');
  });
});
