import { expect } from 'vitest';
import type { Broker } from '../helpers/broker.ts';
import { api } from '../helpers/system.ts';

export interface Firmware {
  /** Name of the device that is to get it. */
  readonly device: string;
  readonly title: string;
  readonly version: string;
  readonly bytes: Buffer;
  readonly algorithm: string;
}

/** Uploads a package and assigns it to a device. */
export async function assignFirmware(broker: Broker, firmware: Firmware): Promise<void> {
  const { device, title, version, bytes, algorithm } = firmware;
  const { id } = await api<{ id: { id: string } }>(broker, '/api/otaPackage', {
    method: 'POST',
    body: { type: 'FIRMWARE', title, version },
  });
  const form = new FormData();
  form.set('file', new Blob([new Uint8Array(bytes)]), 'fw.bin');
  const uploaded = await fetch(`${broker.url}/api/otaPackage/${id.id}?checksumAlgorithm=${algorithm}`, {
    method: 'POST',
    headers: { 'X-Authorization': `ApiKey ${broker.adminKey}` },
    body: form,
  });
  expect(uploaded.status).toBe(200);
  await api(broker, `/api/gridmoor/devices/${device}/ota`, { method: 'POST', body: { firmware: id.id } });
}
