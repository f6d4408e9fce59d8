import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, it } from 'vitest';
import { startBroker } from '../helpers/broker.ts';
import { api, newDevice } from '../helpers/system.ts';

const PERIOD_MS = 300;

it('an upload of a package over a thin line is not cut; what a device sends slowly is', async () => {
  await using broker = await startBroker({ env: { HTTP_REQUEST_TIMEOUT_MS: String(PERIOD_MS) } });
  const body = { type: 'FIRMWARE', title: 'fw', version: '1' };
  const { id } = await api<{ id: { id: string } }>(broker, '/api/otaPackage', { method: 'POST', body });
  const token = await newDevice(broker, 'slow');
  /** 40 KB, a twentieth five times in every period. */
  const send = async (path: string, key: string): Promise<string> => {
    const socket = connect(broker.ports.http, '127.0.0.1');
    let text = '';
    socket.on('data', (bytes) => {
      text += String(bytes);
    });
    socket.on('error', () => {}); // the end of the connection under a write
    socket.write(
      `POST ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ${key}\r\n` +
        'Content-Type: application/octet-stream\r\nContent-Length: 40000\r\n\r\n',
    );
    let left = 20;
    const timer = setInterval(() => {
      if (left-- > 0 && socket.writable) socket.write('x'.repeat(2_000));
      else clearInterval(timer);
    }, PERIOD_MS / 5);
    await once(socket, 'close');
    clearInterval(timer);
    return text;
  };
  const [upload, telemetry, stranger] = await Promise.all([
    send(`/api/otaPackage/${id.id}`, broker.adminKey),
    send(`/api/v1/${token}/telemetry`, 'none'),
    send(`/api/otaPackage/${id.id}`, 'no-such-key'),
  ]);
  expect(upload).toMatch(/^HTTP\/1\.1 200 [\s\S]*"dataSize":40000/);
  expect(telemetry).toMatch(/^HTTP\/1\.1 408 /);
  expect(stranger).toMatch(/^HTTP\/1\.1 40[18] /);
});
