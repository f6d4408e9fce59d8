import { describe, expect, it } from 'vitest';
import { createKeyedHash, type KeyedHash } from '../../src/model/keyed-hash.ts';
import { Secret } from '../../src/model/secret.ts';
import { NO_RULES } from '../../src/profiles/index.ts';
import { createProvisionTargets, type ProvisionTarget } from '../../src/provisioning/targets.ts';

const real = createKeyedHash(Buffer.from('an instance key of the tests, long enough'));

function counting(): { hash: KeyedHash; calls: string[] } {
  const calls: string[] = [];
  const hash: KeyedHash = {
    ...real,
    hash(domain, text) {
      calls.push(domain);
      return real.hash(domain, text);
    },
  };
  return { hash, calls };
}

const open: ProvisionTarget = {
  profile: 'open',
  strategy: 'allow-create-new-devices',
  secrets: [{ hash: real.hash('provision-secret', 'right') }],
  onExisting: 'reject',
  rules: NO_RULES,
};

describe('provision targets', () => {
  it('matches the right key with the right secret, and nothing else', () => {
    const targets = createProvisionTargets(
      new Map([
        ['open', open],
        ['closed', { ...open, profile: 'closed', strategy: 'disabled' }],
        ['bare', { ...open, profile: 'bare', secrets: [] }],
      ]),
      real,
    );
    expect(targets.match('open', new Secret('right'), 0)?.profile).toBe('open');
    for (const [key, secret] of [
      ['open', 'wrong'],
      ['open', ''],
      ['Open', 'right'],
      ['closed', 'right'],
      ['bare', ''],
      ['bare', 'right'],
      ['__proto__', 'right'],
    ] as const) {
      expect(targets.match(key, new Secret(secret), 0)).toBeUndefined();
    }
  });

  it('takes the same steps for an unknown key and a wrong secret', () => {
    const { hash, calls } = counting();
    const targets = createProvisionTargets(new Map([['open', open]]), hash);
    calls.length = 0;
    targets.match('unknown', new Secret('whatever'), 0);
    const unknown = calls.splice(0);
    targets.match('open', new Secret('whatever'), 0);
    expect(calls).toEqual(unknown);
    expect(unknown).toEqual(['provision-key', 'provision-secret']);
  });
});
