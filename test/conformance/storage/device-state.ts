import { describe, expect, it } from 'vitest';
import type { StoredCredentials } from '../../../src/model/device.ts';
import { newDeviceId } from '../../../src/model/ids.ts';
import { benchFor, credentialsOf, type MakeStore, newDevice } from './harness.ts';

const signing = (secret: string) => ({ productKey: 'pk', deviceKey: 'dk', secret });

export function deviceStateConformance(name: string, make: MakeStore): void {
  describe(`${name}: states of devices`, () => {
    const bench = benchFor(make);
    const registry = () => bench.storage.registry;
    const created = async (state?: 'registered' | 'active') => {
      const { device: plain } = newDevice();
      const device = state === undefined ? plain : { ...plain, state };
      const credentials: StoredCredentials = {
        ...credentialsOf(device),
        type: 'SIGNED_SECRET',
        signing: signing('one'),
      };
      await registry().createDevice({ device, credentials, serverAttributes: {} });
      return { id: device.id, device, credentials };
    };

    it('a step is taken from the states it names, and from no other', async () => {
      const { id, device } = await created('registered');
      const step = { from: ['registered', 'issued'], to: 'issued' } as const;
      expect(await registry().changeState(id, step)).toEqual({
        kind: 'changed',
        device: { ...device, state: 'issued' },
      });
      expect((await registry().changeState(id, step)).kind).toBe('changed');
      await registry().changeState(id, { from: ['issued'], to: 'active' });
      const active = { ...device, state: 'active' };
      expect(await registry().changeState(id, step)).toEqual({ kind: 'refused', device: active });
      expect(await registry().device(id)).toEqual(active);
      expect(await registry().deviceByName(device.name)).toEqual(active);
    });

    it('a device without a state counts as active', async () => {
      const { id } = await created();
      expect((await registry().changeState(id, { from: ['registered'], to: 'issued' })).kind).toBe('refused');
      expect((await registry().changeState(id, { from: ['active'], to: 'disabled' })).kind).toBe('changed');
    });

    it('credentials change in the same step, or not at all', async () => {
      const { id, credentials } = await created('registered');
      const next = { ...credentials, signing: signing('two') };
      const step = { from: ['registered'], to: 'issued', credentials: next } as const;
      const other = { ...step, credentials: { ...next, index: 'of another' } };
      expect((await registry().changeState(id, other)).kind).toBe('refused');
      expect(await registry().credentialsOf(id)).toEqual(credentials);
      expect((await registry().changeState(id, { ...step, from: ['active'] })).kind).toBe('refused');
      expect(await registry().credentialsOf(id)).toEqual(credentials);
      expect((await registry().changeState(id, step)).kind).toBe('changed');
      expect(await registry().credentialsOf(id)).toEqual(next);
      expect(await registry().credentials(credentials.index)).toEqual(next);
    });

    it('of steps that were read from the same secret, one is taken', async () => {
      const { id, credentials } = await created('registered');
      const steps = Array.from({ length: 10 }, (_, n) => ({
        from: ['registered', 'issued'] as const,
        to: 'issued' as const,
        ifSigning: signing('one'),
        credentials: { ...credentials, signing: signing(`next-${n}`) },
      }));
      const kinds = (await Promise.all(steps.map((step) => registry().changeState(id, step)))).map(({ kind }) => kind);
      expect(kinds.filter((kind) => kind === 'changed')).toHaveLength(1);
      const { secret } = (await registry().credentialsOf(id))?.signing ?? {};
      expect(secret).toBe(`next-${kinds.indexOf('changed')}`);
    });

    it('former credentials stay, and the state outlives a rotation', async () => {
      const { id, credentials } = await created('active');
      await registry().replaceCredentials({ ...credentials, index: 'second' }, 5_000);
      const present = { ...credentials, index: 'second', signing: signing('two') };
      const step = { from: ['active'], credentials: present } as const;
      expect((await registry().changeState(id, step)).kind).toBe('changed');
      expect((await registry().formerCredentialsOf(id))?.index).toBe(credentials.index);
      expect((await registry().device(id))?.state).toBe('active');
    });

    it('a disabled device keeps what it was, until its next state', async () => {
      const { id, device } = await created('registered');
      await registry().changeState(id, { from: ['registered'], to: 'disabled' });
      expect(await registry().device(id)).toEqual({ ...device, state: 'disabled', stateBefore: 'registered' });
      await registry().changeState(id, { from: ['disabled'], to: 'registered' });
      expect(await registry().device(id)).toEqual({ ...device, state: 'registered' });
    });

    it('another unit takes the place of a device: its id stays, its former name and credentials are free', async () => {
      const { id, device, credentials } = await created('active');
      await registry().replaceCredentials({ ...credentials, index: 'second' }, 5_000);
      const other = newDevice();
      await registry().createDevice(other);
      const audit = { at: 1, action: 'device.replace', by: 'test', subject: `device:${id}`, outcome: 'registered' };
      const next = { ...credentialsOf(device, { index: 'third' }) };
      const replacement = { name: 'new unit', credentials: next, to: 'registered', audit } as const;
      const named = { ...replacement, name: other.device.name };
      expect(await registry().replaceDevice(id, named)).toEqual({ kind: 'name-taken' });
      const taken = { ...replacement, credentials: { ...next, index: other.credentials.index } };
      expect(await registry().replaceDevice(id, taken)).toEqual({ kind: 'credentials-taken' });
      expect(await registry().replaceDevice(newDeviceId(1), replacement)).toEqual({ kind: 'unknown' });
      expect(await registry().device(id)).toEqual(device);
      const changed = { ...device, name: 'new unit', state: 'registered' };
      expect(await registry().replaceDevice(id, replacement)).toEqual({ kind: 'replaced', device: changed });
      await bench.reopen();
      expect(await registry().deviceByName('new unit')).toEqual(changed);
      expect(await registry().deviceByName(device.name)).toBeUndefined();
      for (const index of [credentials.index, 'second']) expect(await registry().credentials(index)).toBeUndefined();
      expect(await registry().credentials('third')).toEqual(next);
      expect(await registry().formerCredentialsOf(id)).toBeUndefined();
      const { data } = await bench.storage.audit.list({ page: 0, pageSize: 100 });
      expect(data.filter(({ action }) => action === 'device.replace')).toEqual([audit]);
      const again = newDevice({ name: device.name });
      expect(
        await registry().createDevice({ ...again, credentials: credentialsOf(again.device, { index: 'second' }) }),
      ).toEqual({ kind: 'created' });
    });

    it('a device that is barred is not claimed', async () => {
      const { id, device } = await created();
      await registry().changeState(id, { from: ['active'], to: 'disabled' });
      expect((await registry().claimPreProvisioned(device.name, device.profile, 5)).kind).toBe('already-provisioned');
      await registry().changeState(id, { from: ['disabled'], to: 'active' });
      expect((await registry().claimPreProvisioned(device.name, device.profile, 5)).kind).toBe('claimed');
    });

    it('a device that is to go as a retired one goes when it is retired then, and in no other state', async () => {
      const { id, device } = await created();
      const gone = () => registry().deleteRetiredDevice(id, 2, 'test');
      expect([await gone(), (await registry().device(id))?.name]).toEqual([false, device.name]);
      await registry().changeState(id, { from: ['active'], to: 'disabled' });
      expect(await gone()).toBe(false);
      await registry().changeState(id, { from: ['disabled'], to: 'retired' });
      const deletion = gone();
      expect([await deletion, await gone(), await registry().device(id)]).toEqual([true, false, undefined]);
      await bench.reopen();
      expect(await registry().deviceByName(device.name)).toBeUndefined();
    });

    it('the audit has a step that was taken, and the device goes with all it has', async () => {
      const { id, credentials } = await created('registered');
      const audit = { at: 1, action: 'device.step', by: 'test', subject: `device:${id}`, outcome: 'taken' };
      await registry().changeState(id, { from: ['active'], to: 'issued', audit });
      await registry().changeState(id, { from: ['registered'], to: 'issued', audit });
      const { data } = await bench.storage.audit.list({ page: 0, pageSize: 100 });
      expect(data.filter(({ action }) => action === 'device.step')).toHaveLength(1);
      expect(await registry().changeState(newDeviceId(1), { from: ['active'] })).toEqual({ kind: 'unknown' });
      await registry().deleteDevice(id, 2, 'test');
      expect(await registry().changeState(id, { from: ['issued'] })).toEqual({ kind: 'unknown' });
      expect(await registry().credentials(credentials.index)).toBeUndefined();
      await bench.reopen();
      expect(await registry().device(id)).toBeUndefined();
    });
  });
}
