import { describe, expect, it } from 'vitest';
import { syntheticCups, tokenOf } from '../../src/cli/simulate-identity.ts';
import { Secret } from '../../src/model/secret.ts';
import { normaliseSupplyPoint } from '../../src/model/supply-point/index.ts';
import { runCli } from './run-cli.ts';

const env = { PROVISION_SECRET: 'test-provision-secret-0123456789' };

describe('simulate', () => {
  it.each([
    ['--count', '0', '--count'],
    ['--count', '1.5', 'whole number'],
    ['--rate', '-1', '--rate'],
    ['--bad', '1', '--bad'],
    ['--storm', 'often', '--storm'],
    ['--payload', '{"a":{{b}}}', '{{b}}'],
    ['--name', 'a/b', 'not a name'],
    ['-V', 'mqttv6', 'not an MQTT version'],
    ['--cafile', '/no/such/file', 'cannot be read'],
  ] as const)('%s %s is a usage error', async (flag, value, words) => {
    const ran = await runCli(['simulate', flag, value], { env });
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain(words);
  });

  it('names what is missing: a provision secret, a supplier key', async () => {
    const bare = await runCli(['simulate']);
    expect([bare.code, bare.stderr]).toEqual([2, expect.stringContaining('PROVISION_SECRET_SMART_METER')]);
    const noKey = await runCli(['simulate', '--supplier'], { env });
    expect([noKey.code, noKey.stderr]).toEqual([2, expect.stringContaining('SUPPLIER_KEY')]);
  });

  it('takes no secret from the command line', async () => {
    const help = await runCli(['simulate', '--help']);
    expect(help.stdout).toContain('--secret-file');
    expect(help.stdout).not.toMatch(/--(secret|token|supplier-key) /);
  });

  it('nobody there is exit 3', async () => {
    const ran = await runCli(['simulate', '--port', '1', '--duration', '1'], { env });
    expect([ran.code, ran.stderr]).toEqual([3, expect.stringContaining('127.0.0.1:1')]);
  });
});

describe('syntheticCups', () => {
  it('is valid, of distributors that do not exist, and differs within a fleet', () => {
    const codes = Array.from({ length: 500 }, (_, number) => syntheticCups('fleet', number));
    expect(new Set(codes).size).toBe(500);
    for (const code of codes) {
      const point = normaliseSupplyPoint(code, ['es-cups']);
      expect(['9999', '1234']).toContain(point.ok ? point.operator : point.hint);
    }
    expect(syntheticCups('other', 1)).not.toBe(syntheticCups('fleet', 1));
  });
});

describe('tokenOf', () => {
  const fleet = (secret: string) => ({ prefix: 'f', profileKey: 'k', profileSecret: new Secret(secret) });

  it('repeats for a name, and cannot be told without the secret', () => {
    expect(tokenOf(fleet('a'), 'm-1')).toBe(tokenOf(fleet('a'), 'm-1'));
    expect(tokenOf(fleet('a'), 'm-1')).toMatch(/^[\w-]{32}$/);
    expect(tokenOf(fleet('b'), 'm-1')).not.toBe(tokenOf(fleet('a'), 'm-1'));
    expect(tokenOf(fleet('a'), 'm-2')).not.toBe(tokenOf(fleet('a'), 'm-1'));
  });
});
