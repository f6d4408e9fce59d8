import { describe, expect, it } from 'vitest';
import { GatewayLimits } from '../../src/device-api/gateway-limits.ts';
import { SubDeviceMaker } from '../../src/device-api/sub-device-maker.ts';
import { createLog } from '../../src/observe/index.ts';
import type { DeviceProfile } from '../../src/profiles/index.ts';
import { createProfileSet } from '../../src/profiles/profile-set.ts';
import type { SigningProduct } from '../../src/registry/signed-secrets.ts';
import { openRooms } from '../helpers/rooms.ts';

const NONE = { messages: '', telemetryMessages: '', telemetryDataPoints: '' };
const product: SigningProduct = {
  dialect: 'alibaba',
  productKey: 'pk',
  secretBytes: 16,
  naming: { source: 'deviceKey' },
};

describe('sub-devices of a product', () => {
  it('are registered with a secret of their own; a name that can be no key is refused, and nothing else fails', async () => {
    await using rooms = await openRooms({ product: (profile) => (profile === 'light' ? product : undefined) });
    const { registry, storage, clock } = rooms;
    const gateway = await registry.create({ name: 'gw', profile: 'gateway', gateway: true, by: 'test' });
    if (gateway.kind !== 'created') throw new Error(gateway.kind);
    const light = { name: 'light', provision: {}, limits: {} } as DeviceProfile;
    const maker = new SubDeviceMaker(gateway.device, {
      registry,
      assets: storage.assets,
      profiles: () => createProfileSet([light]),
      limits: new GatewayLimits(clock, { subDevices: NONE, own: NONE }),
      rules: { max: 10, scope: 'any' },
      announce: () => {},
      clock,
      log: createLog({ level: 'silent' }),
    });
    expect(await maker.create('a light with spaces', 'light')).toBe('refused');
    expect(await maker.create('light-0001', 'light')).toMatchObject({ name: 'light-0001', state: 'registered' });
  });
});
