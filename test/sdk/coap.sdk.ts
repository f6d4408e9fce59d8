import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../helpers/broker.ts';
import { api, attributes, deviceId, latest, newDevice, requestOf } from '../helpers/system.ts';

const found = (...commands: string[]): string | undefined =>
  commands.find((command) => spawnSync('sh', ['-c', `command -v ${command}`]).status === 0);
const CLIENT = found('coap-client-notls', 'coap-client-openssl', 'coap-client-gnutls', 'coap-client');
const DTLS_CLIENT = found('coap-client-openssl', 'coap-client-gnutls');
const SOCAT = found('socat');
const TLS = join(import.meta.dirname, '..', 'fixtures', 'tls');
const SECONDS = 20;

/** Runs a client to its end; gives what it wrote. */
async function run(client: string, args: readonly string[]): Promise<string> {
  const child = spawn(client, ['-B', String(SECONDS), ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  await once(child, 'close');
  return text.trim();
}

async function freeUdpPort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  await once(socket, 'close');
  return port;
}

/** A client that observes; each notification is a line. */
function observe(client: string, url: string, more: readonly string[] = []) {
  const child: ChildProcess = spawn(client, ['-m', 'get', '-s', String(SECONDS), '-w', ...more, url], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  if (child.stdout) createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  return {
    lines,
    async [Symbol.asyncDispose]() {
      child.kill();
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    },
  };
}

describe.runIf(CLIENT)("libcoap's coap-client (skipped without it: apt-get install libcoap3-bin)", () => {
  const client = CLIENT ?? '';
  let broker: Broker;
  let url: string;
  let dir: string;

  beforeAll(async () => {
    broker = await startBroker();
    url = `coap://127.0.0.1:${broker.ports.coap}`;
    dir = await mkdtemp(join(tmpdir(), 'gridmoor-coap-'));
  });
  afterAll(async () => {
    await broker[Symbol.asyncDispose]();
    await rm(dir, { recursive: true, force: true });
  });

  it('2.8: provisions, and the token it gets posts telemetry', async () => {
    const text = await run(client, [
      '-m',
      'post',
      '-e',
      requestOf(broker, { deviceName: 'lib 1' }),
      `${url}/api/v1/provision`,
    ]);
    const { credentialsValue } = JSON.parse(text) as { credentialsValue: string };
    await run(client, ['-m', 'post', '-e', '{"t":21.5}', `${url}/api/v1/${credentialsValue}/telemetry`]);
    expect(await latest(broker, 'lib 1')).toEqual({ t: '21.5' });
  });

  it('6.2: hears 4.01 for a wrong token', async () => {
    expect(await run(client, ['-m', 'post', '-e', '{}', `${url}/api/v1/nobody/telemetry`])).toContain('4.01');
  });

  it.each([16, 64, 1_024])('6.2: sends attributes and reads them in blocks of %i bytes', async (size) => {
    const token = await newDevice(broker, `lib blocks ${size}`, `lib-blocks-${size}-0123456789`);
    const body = JSON.stringify({ long: 'x'.repeat(5_000) });
    const file = join(dir, 'body.json');
    await writeFile(file, body);
    await run(client, ['-m', 'post', '-f', file, '-b', String(size), `${url}/api/v1/${token}/attributes`]);
    expect(await attributes(broker, `lib blocks ${size}`, 'CLIENT_SCOPE')).toEqual(JSON.parse(body));
    const read = await run(client, ['-m', 'get', '-b', String(size), `${url}/api/v1/${token}/attributes`]);
    expect(JSON.parse(read)).toEqual({ client: JSON.parse(body) });
  });

  it('6.2: observes shared attributes, also ones above a block', async () => {
    const token = await newDevice(broker, 'lib observe');
    const path = `/api/plugins/telemetry/DEVICE/${await deviceId(broker, 'lib observe')}/SHARED_SCOPE`;
    await using observer = observe(client, `${url}/api/v1/${token}/attributes`);
    await expect.poll(() => observer.lines, { timeout: 20_000 }).toContain('{}');
    await api(broker, path, { method: 'POST', body: { c: 1 } });
    await expect.poll(() => observer.lines, { timeout: 20_000 }).toContain('{"c":1}');
    const long = 'z'.repeat(3_000);
    await api(broker, path, { method: 'POST', body: { long } });
    await expect.poll(() => observer.lines.join(''), { timeout: 20_000 }).toContain(`{"long":"${long}"}`);
  });

  it('6.2: is called by the server', async () => {
    const token = await newDevice(broker, 'lib rpc');
    await using observer = observe(client, `${url}/api/v1/${token}/rpc`);
    const id = await deviceId(broker, 'lib rpc');
    const body = { method: 'blink', params: { n: 3 }, timeout: 20_000 };
    const asked = api(broker, `/api/rpc/twoway/${id}`, { method: 'POST', body });
    await expect
      .poll(() => observer.lines.join(''), { timeout: 20_000 })
      .toContain('"method":"blink","params":{"n":3}');
    const call = JSON.parse(observer.lines.find((line) => line.includes('blink')) ?? '{}') as { id: number };
    await run(client, ['-m', 'post', '-e', '{"done":true}', `${url}/api/v1/${token}/rpc/${call.id}`]);
    expect(await asked).toEqual({ done: true });
  });

  it.runIf(DTLS_CLIENT && SOCAT)(
    'speaks DTLS to socat in front: one observes while another posts (docs/coap.md)',
    async () => {
      const port = await freeUdpPort();
      const keys = `cert=${join(TLS, 'cert.pem')},key=${join(TLS, 'key.pem')}`;
      const listen = `OPENSSL-DTLS-SERVER:${port},bind=127.0.0.1,${keys},verify=0,reuseaddr,fork`;
      const args = ['-d', '-d', '-T', '3600', listen, `UDP:127.0.0.1:${broker.ports.coap}`];
      const proxy = spawn(SOCAT ?? '', args, { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
      const said: string[] = [];
      createInterface({ input: proxy.stderr }).on('line', (line) => said.push(line));
      await expect.poll(() => said.join('\n'), { timeout: 20_000 }).toContain('listening on');
      const secure = `coaps://127.0.0.1:${port}/api/v1`;
      const dtls = DTLS_CLIENT ?? '';
      try {
        const token = await newDevice(broker, 'dtls 1');
        await using observer = observe(dtls, `${secure}/${token}/attributes`, ['-n']);
        await expect.poll(() => observer.lines, { timeout: 20_000 }).toContain('{}');
        const other = await newDevice(broker, 'dtls 2');
        await run(dtls, ['-n', '-m', 'post', '-e', '{"n":2}', `${secure}/${other}/telemetry`]);
        expect(await latest(broker, 'dtls 2')).toEqual({ n: '2' });
        const path = `/api/plugins/telemetry/DEVICE/${await deviceId(broker, 'dtls 1')}/SHARED_SCOPE`;
        await api(broker, path, { method: 'POST', body: { c: 1 } });
        await expect.poll(() => observer.lines, { timeout: 20_000 }).toContain('{"c":1}');
      } finally {
        if (proxy.pid !== undefined) process.kill(-proxy.pid); // with the processes it has forked
        if (proxy.exitCode === null && proxy.signalCode === null) await once(proxy, 'exit');
      }
    },
  );
});
