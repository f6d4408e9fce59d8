import { describe, expect, it } from 'vitest';
import { Secret } from '../../src/model/secret.ts';
import { createTestContext, TEST_NOW } from '../../src/rules/test-context.ts';
import { testMsg } from '../helpers/chain-kit.ts';

describe('createTestContext', () => {
  it('knows a device by name, with the profile it was given', () => {
    const context = createTestContext({ devices: [{ name: 'm1', profile: 'smart-meter' }] });
    expect(context.originator('m1')).toMatchObject({ name: 'm1', profile: 'smart-meter' });
    expect(context.originator('m1').id).toBe(context.originator('m1').id);
    expect(context.originator('m2').id).not.toBe(context.originator('m1').id);
  });

  it('keeps no secret', () => {
    const context = createTestContext();
    const msg = testMsg({ data: { power: 1, key: new Secret('hidden text') } }, context);
    context.saveTelemetry(msg, { ts: 5, latest: true, history: true, live: true });
    expect(context.telemetry.get('meter-1')).toEqual([{ ts: 5, values: { power: 1 } }]);
  });

  it('finds a supplier by any of its keys', async () => {
    const context = createTestContext({ suppliers: [{ name: 'Sol', keys: ['old', 'new'] }], rateLimited: ['m2'] });
    const msg = testMsg({}, context);
    expect(await context.findSupplier(msg, new Secret('new'))).toMatchObject({ kind: 'found', name: 'Sol' });
    expect(await context.findSupplier(msg, new Secret('other'))).toEqual({ kind: 'not-found' });
    const limited = testMsg({ originator: context.originator('m2') }, context);
    expect(await context.findSupplier(limited, new Secret('new'))).toMatchObject({ kind: 'rate-limited' });
  });

  it('stands still at the time it was given', () => {
    expect(createTestContext().now()).toBe(TEST_NOW);
    expect(createTestContext({ now: 7 }).now()).toBe(7);
  });
});
