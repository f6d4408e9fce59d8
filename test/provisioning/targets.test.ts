import { describe, expect, it } from 'vitest';
import { createKeyedHash, type KeyedHash } from '../../src/model/keyed-hash.ts';
import { Secret } from '../../src/model/secret.ts';
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
  secretHash: real.hash('provision-secret', 'right'),
};

describe('provision targets', () => {
  it('matches the right key with the right secret, and nothing else', () => {
    const targets = createProvisionTargets(
      new Map([
        ['open', open],
        ['closed', { ...open, profile: 'closed', strategy: 'disabled' }],
        ['bare', { profile: 'bare', strategy: 'allow-create-new-devices' }],
      ]),
      real,
    );
    expect(targets.match('open', new Secret('right'))?.profile).toBe('open');
    for (const [key, secret] of [
      ['open', 'wrong'],
      ['open', ''],
      ['Open', 'right'],
      ['closed', 'right'],
      ['bare', ''],
      ['bare', 'right'],
      ['__proto__', 'right'],
    ] as const) {
      expect(targets.match(key, new Secret(secret))).toBeUndefined();
    }
  });

  it('takes the same steps for an unknown key and a wrong secret', () => {
    const { hash, calls } = counting();
    const targets = createProvisionTargets(new Map([['open', open]]), hash);
    calls.length = 0;
    targets.match('unknown', new Secret('whatever'));
    const unknown = calls.splice(0);
    targets.match('open', new Secret('whatever'));
    expect(calls).toEqual(unknown);
    expect(unknown).toEqual(['provision-key', 'provision-secret']);
  });
});
