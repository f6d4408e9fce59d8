import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { resolveCertificateChain } from '../../src/profiles/certificate-chain.ts';

const certificate = readFileSync(fileURLToPath(new URL('../fixtures/tls/cert.pem', import.meta.url)), 'utf8');
const chain = (change: Partial<Parameters<typeof resolveCertificateChain>[0]> = {}) =>
  resolveCertificateChain({ certificate, commonName: '^(.*)\\.meters$', allowCreate: false, ...change });
const problem = (result: ReturnType<typeof chain>): string | undefined => (result.ok ? undefined : result.problem);

describe('certificate chains of profiles', () => {
  it('takes PEM or its text alone, and group 1 names the device', () => {
    const bare = certificate.replaceAll(/-----[A-Z ]+-----|\s/g, '');
    for (const result of [chain(), chain({ certificate: bare })]) {
      expect(result.ok && result.chain.certificate).toBe(bare);
      expect(result.ok && result.chain.name.exec('pump-1.meters')?.[1]).toBe('pump-1');
    }
  });

  it('says what is wrong with certificate and pattern', () => {
    expect(problem(chain({ certificate: 'nonsense' }))).toContain('not readable');
    expect(problem(chain({ commonName: '(' }))).toContain('not a regular expression');
    expect(problem(chain({ commonName: '(a*)*$' }))).toContain('too long');
    expect(problem(chain({ commonName: '.*' }))).toContain('needs a group');
  });
});
