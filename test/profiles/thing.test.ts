import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadProfiles } from '../../src/profiles/index.ts';

const fixture = (name: string): string => readFileSync(join(import.meta.dirname, '../fixtures', name), 'utf8');
const env = { S: 'a-product-secret', F: 'a-former-secret' };
const current = { secret: { env: 'S' }, state: 'current' };
const rod = {
  name: 'rod',
  dialect: 'enos',
  product: { key: 'pK11111', secrets: [current], orgId: 'o-demo' },
  provision: { strategy: 'check-pre-provisioned-devices', dynamic: true },
};

function load(...profiles: readonly object[]) {
  const dir = mkdtempSync(join(tmpdir(), 'gm-things-'));
  for (const [index, profile] of profiles.entries()) writeFileSync(join(dir, `${index}.json`), JSON.stringify(profile));
  return loadProfiles(dir, { env });
}

async function one(profile: object) {
  const loaded = await load(profile);
  const [only] = loaded.ok ? loaded.profiles.all() : [];
  if (!loaded.ok || !only) throw new Error(JSON.stringify(loaded));
  return { profile: only, warnings: loaded.warnings.map(({ rule }) => rule) };
}

async function rules(...profiles: readonly object[]): Promise<readonly string[]> {
  const loaded = await load(...profiles);
  if (loaded.ok) throw new Error('the profiles were accepted');
  return loaded.issues.map(({ at, rule }) => `${at} ${rule}`);
}

describe('profiles of other dialects', () => {
  it('have the defaults of their dialect', async () => {
    const { profile, warnings } = await one(rod);
    expect(warnings).toEqual([]);
    expect(profile.thing).toMatchObject({
      dialect: 'enos',
      productKey: 'pK11111',
      orgId: 'o-demo',
      hashes: new Set(['sha256']),
      secretBytes: 16,
      naming: { source: 'deviceKey' },
      dynamic: true,
      integration: false,
      refusalCodes: { credentials: 4, notAllowed: 5 },
      serviceAccounts: [],
      functionCompute: false,
      maxPayloadBytes: 524_288,
      pushWithoutSubscription: true,
    });
    expect(profile.provision.onExisting).toBe('once');
    expect(profile.listeners).toEqual({ requireTls: false, allowPlaintextProvisioning: false });
    expect(profile.limits.connects).toEqual({ per2Min: 4, blockMs: 300_000 });
    const alibaba = (await one({ ...rod, dialect: 'alibaba' })).profile;
    expect(alibaba.provision.onExisting).toBe('rotate-until-active');
    expect(alibaba.limits.connects).toBeUndefined();
    expect(alibaba.provision.rules.perMinutePerAddress).toBeUndefined();
    const bounded = await one({ ...rod, limits: { provisionPerMinutePerIp: 10 } });
    expect(bounded.profile.provision.rules.perMinutePerAddress).toBe(10);
    const native = (await one({ name: 'meter' })).profile;
    expect(native.thing).toBeUndefined();
    expect(native.provision.onExisting).toBe('reject');
  });

  it('have the current secret first, and the former one with its end', async () => {
    const former = { secret: { env: 'F' }, state: 'previous', until: '2030-01-01T00:00:00Z' };
    const { profile } = await one({ ...rod, product: { ...rod.product, secrets: [former, current] } });
    const secrets = profile.thing?.secrets.map(({ secret, until }) => [secret.reveal(), until]);
    expect(secrets).toEqual([
      ['a-product-secret', undefined],
      ['a-former-secret', Date.parse('2030-01-01T00:00:00Z')],
    ]);
    expect(JSON.stringify(profile)).not.toContain('a-product-secret');
  });

  it('warn of secrets in clear, and of provisioning without TLS', async () => {
    const { warnings } = await one({
      ...rod,
      product: { key: 'pK', secrets: [{ secret: 'in-clear-0123', state: 'current' }] },
      listeners: { allowPlaintextProvisioning: true },
    });
    expect([...warnings].sort()).toEqual(['literal-secret', 'plaintext-provisioning']);
  });

  const product = (more: object) => ({ ...rod, product: { ...rod.product, ...more } });
  const former = { secret: { env: 'F' }, state: 'previous' };
  it.each<[string, object, string]>([
    ['an unknown dialect', { ...rod, dialect: 'tuya' }, '/dialect'],
    ['a dialect without a product', { ...rod, product: undefined }, '/product missing-product'],
    ['a product without a dialect', { name: 'x', product: rod.product }, '/product ignored-field'],
    ['a product key with other characters', product({ key: 'a&b' }), '/product/key invalid-product-key'],
    ['a product key that is too long', product({ key: 'x'.repeat(21) }), '/product/key invalid-product-key'],
    [
      'a secret that is not set',
      product({ secrets: [{ secret: { env: 'NONE' }, state: 'current' }] }),
      '/product/secrets/0/secret missing-secret',
    ],
    ['two current secrets', product({ secrets: [current, current] }), '/product/secrets wrong-secrets'],
    ['a former secret without an end', product({ secrets: [current, former] }), '/product/secrets/1/until missing-end'],
    [
      'an end of a current secret',
      product({ secrets: [{ ...current, until: '2030-01-01' }] }),
      '/product/secrets/0/until ignored-field',
    ],
    [
      'an end that is no time',
      product({ secrets: [current, { ...former, until: '2030-99-99' }] }),
      '/product/secrets/1/until invalid-time',
    ],
    [
      'an end on a day that there is not',
      product({ secrets: [current, { ...former, until: '2030-02-31' }] }),
      '/product/secrets/1/until invalid-time',
    ],
    ['a transport that the dialect has not', { ...rod, transport: 'coap' }, '/transport wrong-transport'],
    ['a provision key', { ...rod, provision: { ...rod.provision, key: 'k' } }, '/provision/key ignored-field'],
    ['dynamic without a secret', product({ secrets: [] }), '/product/secrets missing-secret'],
    [
      'dynamic without a strategy',
      { ...rod, provision: { strategy: 'disabled', dynamic: true } },
      '/provision/dynamic ignored-field',
    ],
    [
      'a policy of another dialect',
      { ...rod, provision: { ...rod.provision, onExisting: 'rotate' } },
      '/provision/onExisting unsupported-policy',
    ],
    [
      'service accounts without an organisation',
      {
        ...rod,
        product: { ...rod.product, orgId: undefined },
        provision: { ...rod.provision, serviceAccounts: ['a'] },
      },
      '/product/orgId missing-org',
    ],
    [
      'service accounts of a native profile',
      { name: 'x', provision: { strategy: 'disabled', serviceAccounts: ['a'] } },
      '/provision/serviceAccounts ignored-field',
    ],
    [
      'the façade of Alibaba at EnOS',
      { ...rod, provision: { ...rod.provision, functionCompute: true } },
      '/provision/functionCompute ignored-field',
    ],
    [
      'an authority that is none',
      { ...rod, x509: { certificate: 'x', key: { env: 'CA_KEY' } } },
      '/x509/certificate wrong-certificate',
    ],
    [
      'a certificate that is no authority',
      { ...rod, x509: { certificate: fixture('x509/not-an-authority.pem'), key: { env: 'CA_KEY' } } },
      '/x509/certificate wrong-certificate',
    ],
    [
      'an authority whose key is not set',
      { ...rod, x509: { certificate: fixture('x509/ca-cert.pem'), key: { env: 'NONE' } } },
      '/x509/key missing-secret',
    ],
    [
      'an authority with the key of another',
      { ...rod, x509: { certificate: fixture('x509/ca-cert.pem'), key: fixture('x509/device-ec-key.pem') } },
      '/x509/key wrong-key',
    ],
    [
      'an authority whose key is no key',
      { ...rod, x509: { certificate: fixture('x509/ca-cert.pem'), key: 'x' } },
      '/x509/key wrong-key',
    ],
    [
      'the same of a native profile',
      { name: 'x', x509: { certificate: 'x', key: 'x' } },
      '/x509/certificate wrong-certificate',
    ],
    ['a hash that is none', { ...rod, credentials: { hashes: ['sha512'] } }, '/credentials/hashes/0'],
    ['a secret that is too short', { ...rod, credentials: { secretBytes: 8 } }, '/credentials/secretBytes'],
    [
      'a channel of Alibaba',
      { ...rod, dialect: 'alibaba', integration: { enabled: true } },
      '/integration ignored-field',
    ],
    ['a pattern that takes too long', { ...rod, naming: { pattern: '(a+)+$' } }, '/naming/pattern invalid-pattern'],
    [
      'plain provisioning where TLS is asked for',
      { ...rod, listeners: { requireTls: true, allowPlaintextProvisioning: true } },
      '/listeners ignored-field',
    ],
    [
      'plain provisioning of a native profile',
      { name: 'x', listeners: { allowPlaintextProvisioning: true } },
      '/listeners/allowPlaintextProvisioning ignored-field',
    ],
    ['an unknown field', { ...rod, product: { ...rod.product, secret: 'x' } }, '/product'],
  ])('%s is refused', async (_what, profile, expected) => {
    expect((await rules(profile)).some((issue) => issue.startsWith(expected))).toBe(true);
  });

  const findings = async (profile: object) => {
    const loaded = await load(profile);
    return (loaded.ok ? loaded.warnings : loaded.issues).map(({ at, problem }) => `${at} ${problem}`);
  };

  it('name the field of a former secret, a window and a bootstrap that is wrong, not the secret beside it', async () => {
    const meter = (more: object) => ({
      name: 'meter',
      provision: { strategy: 'allow-create-new-devices', key: 'k', secret: { env: 'S' }, ...more },
    });
    const secret = { env: 'F' };
    const form = 'must be {"env": "NAME"}, {"file": "path"} or a non-empty text';
    expect(await findings(meter({ previousSecret: { secret } }))).toEqual([
      '/provision/previousSecret "until" is missing',
    ]);
    expect(await findings(meter({ previousSecret: { secret: { evn: 'F' }, until: '2030-01-01' } }))).toEqual([
      `/provision/previousSecret/secret ${form}`,
    ]);
    expect(await findings(meter({ window: { from: '2030-02-31' } }))).toEqual([
      '/provision/window/from is no such time',
    ]);
    const bootstrap = { groupId: 'g', secret, content: '{secret}{serial}{time}' };
    const provision = { ...rod.provision, endpoints: { mqtt: 'mqtts://b' }, bootstrap };
    expect(await findings({ ...rod, provision })).toEqual([
      '/provision/bootstrap/content {time} is none of {secret}, {serial} and {timestamp}',
    ]);
    const model = { version: '1', measurepoints: { secret: { type: 'number' } } };
    expect((await findings({ ...rod, model }))[0]).toMatch(/^\/model\/measurepoints\/secret\/type "number" is not/);
    const x509 = { certificate: fixture('x509/ca-cert.pem'), key: { evn: 'X' } };
    expect(await findings({ ...rod, x509 })).toEqual([`/x509/key ${form}`]);
  });

  it('warn of topics and payloads, which have no effect', async () => {
    const what = 'has no effect: the dialect "enos" has its own';
    expect(
      await findings({ ...rod, transport: 'mqtt', topics: { telemetry: 'a/b' }, payload: { type: 'json' } }),
    ).toEqual([`/topics ${what}`, `/payload ${what}`]);
  });

  it('warn of a gateway whose sub-devices have a profile that is not there, or none of a dialect', async () => {
    const gate = { ...rod, gateway: { children: { profiles: ['sub', 'meter', 'rod'] } } };
    const loaded = await load(gate, { name: 'meter' });
    expect(loaded.ok && loaded.warnings.map(({ at, rule, problem }) => [at, rule, problem])).toEqual([
      ['/gateway/children/profiles/0', 'unknown-profile', 'there is no profile "sub" with a dialect beside this one'],
      ['/gateway/children/profiles/1', 'unknown-profile', 'there is no profile "meter" with a dialect beside this one'],
    ]);
  });

  it('do not share a product key', async () => {
    expect(await rules(rod, { ...rod, name: 'other' })).toEqual(['/product/key duplicate-key']);
  });

  it('no finding quotes a secret', async () => {
    const loaded = await load({
      ...rod,
      product: { key: 'a&b', secrets: [{ secret: 'planted-secret-1', state: 'x' }] },
    });
    expect(JSON.stringify(loaded)).not.toContain('planted-secret-1');
  });
});
