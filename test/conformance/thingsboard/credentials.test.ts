import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../../helpers/broker.ts';
import { eventChain, eventsOf } from '../../helpers/event-chain.ts';
import { MqttClient } from '../../helpers/mqtt-client.ts';
import { api, newDevice } from '../../helpers/system.ts';

const fixture = (name: string) => fileURLToPath(new URL(`../../fixtures/tls/${name}`, import.meta.url));
const TELEMETRY = 'v1/devices/me/telemetry';

function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version']);
    return true;
  } catch {
    return false;
  }
}

describe('credentials: rotation, expiry, revocation', () => {
  let broker: Broker;
  let chain: Awaited<ReturnType<typeof eventChain>>;
  let serial = 0;
  const authority = (file: string, subject: string): void => {
    const made = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', subject];
    execFileSync('openssl', ['req', '-x509', ...made, '-keyout', `${file}.key`, '-out', `${file}.pem`], {
      cwd: dir,
      stdio: 'ignore',
    });
  };
  let dir: string;
  const post = (path: string, body: unknown) => api(broker, `/api/gridmoor/devices/${path}`, { method: 'POST', body });
  const login = (userName: string, version: 4 | 5 = 5) =>
    MqttClient.connect({ port: broker.ports.mqtt, version, userName });
  const refused = async (userName: string, version: 4 | 5 = 5): Promise<number> => {
    await using client = await MqttClient.open({ port: broker.ports.mqtt, version, userName });
    return await client.connack(); // before the connection is disposed of
  };
  const token = (value: string) => ({ type: 'ACCESS_TOKEN', token: value });

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'gridmoor-x509-'));
    const profilesDir = join(dir, 'profiles');
    mkdirSync(profilesDir);
    const provision = {
      strategy: 'allow-create-new-devices',
      key: 'smart-meter',
      secret: { env: 'PROVISION_SECRET_SMART_METER' },
    };
    writeFileSync(join(profilesDir, 'meter.json'), JSON.stringify({ name: 'smart-meter', provision }));
    if (hasOpenssl()) {
      authority('ca', '/CN=Test CA');
      const certificate = readFileSync(join(dir, 'ca.pem'), 'utf8');
      const certificateChain = { certificate, commonName: '^(.*)\\.meters$', allowCreate: true };
      writeFileSync(join(profilesDir, 'chained.json'), JSON.stringify({ name: 'chained', certificateChain }));
    }
    chain = await eventChain('Entity Created', 'Other');
    broker = await startBroker({
      chainsDir: chain.chainsDir,
      profilesDir,
      env: {
        GRIDMOOR_FREE_REFUSALS: '100000',
        MQTT_SSL_ENABLED: 'true',
        MQTT_SSL_BIND_PORT: '0',
        MQTT_SSL_PEM_CERT: fixture('cert.pem'),
        MQTT_SSL_PEM_KEY: fixture('key.pem'),
      },
    });
  });
  afterAll(async () => {
    await broker[Symbol.asyncDispose]();
    await chain[Symbol.asyncDispose]();
    rmSync(dir, { recursive: true, force: true });
  });

  it('14: a rotation without overlap ends the live session with 0x98, and the old token is refused', async () => {
    const old = await newDevice(broker, 'c14');
    await using client = await login(old);
    await post('c14/rotate', { credentials: token('c14-new') });
    expect(await client.ended()).toBe(0x98);
    expect(await refused(old)).toBe(0x86);
    expect(await refused(old, 4)).toBe(5);
    await using again = await login('c14-new');
    await again.alive();
  });

  it('old and new token both work until the end of the overlap; then the old session ends and the old token is refused', async () => {
    const old = await newDevice(broker, 'c-two');
    await using client = await login(old);
    await post('c-two/rotate', { credentials: token('c-two-new'), keepFormerMs: 1_500 });
    expect(await client.publish(TELEMETRY, '{"t":1}')).toBe(0);
    await using other = await login('c-two-new');
    expect(await client.ended()).toBe(0x8e); // one session a device: the newer login takes over
    await using back = await login(old);
    expect(await other.ended()).toBe(0x8e);
    expect(await back.publish(TELEMETRY, '{"t":2}')).toBe(0);
    expect(await back.ended()).toBe(0x98);
    expect(await refused(old)).toBe(0x86);
    await using last = await login('c-two-new');
    await last.alive();
  });

  it('a session of the new token outlives the old one', async () => {
    await newDevice(broker, 'c-stay');
    await post('c-stay/rotate', { credentials: token('c-stay-new'), keepFormerMs: 60_000 });
    await using client = await login('c-stay-new');
    const state = await post('c-stay/credentials/revoke', { which: 'former' });
    expect(state).toEqual({ present: { type: 'ACCESS_TOKEN', createdAt: expect.any(Number) } });
    await client.alive();
  });

  it('revoking the former token ends its session at once', async () => {
    const old = await newDevice(broker, 'c-former');
    await using client = await login(old);
    await post('c-former/rotate', { credentials: token('c-former-new'), keepFormerMs: 60_000 });
    await client.alive();
    await post('c-former/credentials/revoke', { which: 'former' });
    expect(await client.ended()).toBe(0x98);
    expect(await refused(old)).toBe(0x86);
  });

  it('revoking all ends the session, refuses every login, over HTTP too, until a rotation', async () => {
    const old = await newDevice(broker, 'c-all');
    await using client = await login(old);
    await post('c-all/credentials/revoke', { which: 'all' });
    expect(await client.ended()).toBe(0x98);
    expect(await refused(old)).toBe(0x86);
    const http = await fetch(`${broker.url}/api/v1/${old}/telemetry`, { method: 'POST', body: '{"t":1}' });
    expect(http.status).toBe(401);
    await post('c-all/rotate', { credentials: token('c-all-new') });
    await using again = await login('c-all-new');
    await again.alive();
  });

  it('credentials with an end date stop at it, session included', async () => {
    await newDevice(broker, 'c-end');
    await post('c-end/rotate', { credentials: token('c-end-new'), expiresAt: Date.now() + 1_000 });
    await using client = await login('c-end-new');
    expect(await client.ended()).toBe(0x98);
    expect(await refused('c-end-new')).toBe(0x86);
  });

  it('an end that has passed, and an overlap of credentials with the same id, are refused', async () => {
    await newDevice(broker, 'c-bad', 'c-bad-token-0123');
    await expect(post('c-bad/rotate', { expiresAt: 1 })).rejects.toThrow('400');
    const same = { credentials: token('c-bad-token-0123'), keepFormerMs: 1_000 };
    await expect(post('c-bad/rotate', same)).rejects.toThrow('400');
    await using client = await login('c-bad-token-0123');
    await client.alive();
  });

  describe.skipIf(!hasOpenssl())('X.509 over mutual TLS (needs openssl)', () => {
    const openssl = (...args: readonly string[]) => execFileSync('openssl', args, { cwd: dir, stdio: 'ignore' });
    const identity = (name: string) => {
      const cert =
        /-----BEGIN.*-----END CERTIFICATE-----/s.exec(readFileSync(join(dir, `${name}.pem`), 'utf8'))?.[0] ?? '';
      return { key: readFileSync(join(dir, `${name}.key`)), cert, der: cert.replaceAll(/-----[A-Z ]+-----|\s/g, '') };
    };
    const request = (name: string) => {
      const made = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', `/CN=${name}`];
      return [...made, '-keyout', `${name}.key`];
    };
    const certificate = (name: string) => {
      openssl('req', '-x509', ...request(name), '-out', `${name}.pem`);
      return identity(name);
    };
    const issued = (ca: string, commonName: string, file: string, extensions = '') => {
      const made = [
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-subj',
        `/CN=${commonName}`,
      ];
      openssl('req', ...made, '-keyout', `${file}.key`, '-out', `${file}.csr`);
      writeFileSync(join(dir, `${file}.ext`), extensions);
      const by = ['-CA', `${ca}.pem`, '-CAkey', `${ca}.key`, '-set_serial', String(++serial)];
      openssl('x509', '-req', '-in', `${file}.csr`, ...by, '-extfile', `${file}.ext`, '-out', `${file}.pem`);
      return identity(file);
    };
    const expiredCertificate = (name: string) => {
      const policy =
        '[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n';
      writeFileSync(join(dir, 'ca.conf'), policy);
      writeFileSync(join(dir, 'index.txt'), '');
      writeFileSync(join(dir, 'serial'), '01');
      openssl('req', ...request(name), '-out', `${name}.csr`);
      const validity = ['-startdate', '200101000000Z', '-enddate', '210101000000Z'];
      const files = ['-config', 'ca.conf', '-keyfile', `${name}.key`, '-in', `${name}.csr`, '-out', `${name}.pem`];
      openssl('ca', '-batch', '-selfsign', ...validity, ...files);
      return identity(name);
    };
    const open = async (
      shown: { readonly key?: Buffer; readonly cert?: string },
      version: 4 | 5,
      more: { readonly userName?: string } = {},
    ): Promise<MqttClient> => {
      const port = broker.ports.mqtts ?? 0;
      const { key, cert } = shown;
      const socket = connect({
        port,
        host: '127.0.0.1',
        rejectUnauthorized: false,
        ...(key && cert ? { key, cert } : {}),
      });
      await new Promise<void>((resolve, reject) => {
        socket.once('secureConnect', resolve);
        socket.once('error', reject);
      });
      const client = new MqttClient(socket, version);
      client.sendConnect({ clientId: 'x', ...more });
      return client;
    };

    it('a device logs in by its certificate; user name and password play no part', async () => {
      const own = certificate('x-own');
      await newDevice(broker, 'x-own');
      await post('x-own/rotate', { credentials: { type: 'X509_CERTIFICATE', certificate: own.der } });
      for (const version of [4, 5] as const) {
        await using client = await open(own, version, { userName: 'no-such-token' });
        expect(await client.connack()).toBe(0);
        expect(await client.publish(TELEMETRY, '{"t":1}')).toBe(0);
      }
    });

    it('an unknown certificate passes the handshake and is refused: 0x87, on 3.1.1 5, even with a good token', async () => {
      const userName = await newDevice(broker, 'x-unknown');
      const unknown = certificate('x-unknown');
      for (const [version, code] of [
        [4, 5],
        [5, 0x87],
      ] as const) {
        await using client = await open(unknown, version, { userName });
        expect(await client.connack()).toBe(code);
      }
    });

    it('without a certificate the token logs in over TLS', async () => {
      const userName = await newDevice(broker, 'x-none');
      await using client = await open({}, 5, { userName });
      expect(await client.connack()).toBe(0);
    });

    it('an expired certificate is refused although the device has it', async () => {
      const expired = expiredCertificate('x-expired');
      await newDevice(broker, 'x-expired');
      await post('x-expired/rotate', { credentials: { type: 'X509_CERTIFICATE', certificate: expired.der } });
      await using client = await open(expired, 5);
      expect(await client.connack()).toBe(0x87);
    });

    it('revoked, its session ends with 0x98', async () => {
      const own = certificate('x-revoked');
      await newDevice(broker, 'x-revoked');
      await post('x-revoked/rotate', { credentials: { type: 'X509_CERTIFICATE', certificate: own.der } });
      await using client = await open(own, 5);
      expect(await client.connack()).toBe(0);
      await post('x-revoked/credentials/revoke', { which: 'all' });
      expect(await client.ended()).toBe(0x98);
    });

    it('a certificate under that of a profile makes its device, and a newer one takes the place of the former', async () => {
      const one = issued('ca', 'pump-1.meters', 'one');
      await using first = await open(one, 5);
      expect(await first.connack()).toBe(0);
      const found = await api<{ type: string }>(broker, '/api/tenant/devices?deviceName=pump-1');
      expect(found.type).toBe('chained');
      const provisioned = async () =>
        (await eventsOf(broker, 'pump-1'))
          .map(({ msgType }) => msgType)
          .filter((type) => /^(?:ENTITY|PROV)/.test(type));
      await expect.poll(provisioned).toEqual(['ENTITY_CREATED', 'PROVISION_SUCCESS']);
      const two = issued('ca', 'pump-1.meters', 'two');
      await using second = await open(two, 4);
      expect(await second.connack()).toBe(0);
      expect(await second.publish(TELEMETRY, '{"t":1}')).toBe(0);
      await post('pump-1/credentials/revoke', { which: 'all' });
      await using third = await open(issued('ca', 'pump-1.meters', 'three'), 5);
      expect(await third.connack()).toBe(0x87); // what was revoked stays so
    });

    it('a certificate that only names the issuer, whose name does not fit, or of a device with a token is refused', async () => {
      authority('other', '/CN=Test CA');
      const forged = issued('other', 'pump-2.meters', 'forged');
      const real = readFileSync(join(dir, 'ca.pem'), 'utf8');
      const misfit = issued('ca', 'pump-2.inverters', 'misfit');
      await newDevice(broker, 'pump-3');
      const taken = issued('ca', 'pump-3.meters', 'taken');
      for (const shown of [forged, { ...forged, cert: `${forged.cert}\n${real}` }, misfit, taken]) {
        await using client = await open(shown, 5);
        expect(await client.connack()).toBe(0x87);
      }
      await expect(api(broker, '/api/tenant/devices?deviceName=pump-2')).rejects.toThrow('404');
    });

    it('a certificate of an authority below that of a profile makes its device when its issuer comes along', async () => {
      const middle = issued('ca', 'Middle CA', 'middle', 'basicConstraints=critical,CA:TRUE');
      const leaf = issued('middle', 'pump-4.meters', 'below');
      const noAuthority = issued('ca', 'No CA', 'no-authority', 'basicConstraints=CA:FALSE');
      const forged = issued('no-authority', 'pump-5.meters', 'forged-below');
      const codes = [];
      for (const shown of [leaf, { ...forged, cert: `${forged.cert}\n${noAuthority.cert}` }]) {
        await using client = await open(shown, 5);
        codes.push(await client.connack());
      }
      expect(codes).toEqual([0x87, 0x87]);
      await using client = await open({ ...leaf, cert: `${leaf.cert}\n${middle.cert}` }, 5);
      expect(await client.connack()).toBe(0);
      expect((await api<{ type: string }>(broker, '/api/tenant/devices?deviceName=pump-4')).type).toBe('chained');
    });

    it('a refused certificate is named in the log, with what is wrong with it', async () => {
      const plain = await newDevice(broker, 'pump-6');
      await post('pump-6/rotate', { credentials: token(`${plain}-new`) });
      const revoked = certificate('x-log-revoked');
      await newDevice(broker, 'x-log-revoked');
      await post('x-log-revoked/rotate', { credentials: { type: 'X509_CERTIFICATE', certificate: revoked.der } });
      await post('x-log-revoked/credentials/revoke', { which: 'all' });
      const cases = [
        [expiredCertificate('x-log-expired'), 'x-log-expired', 'it has expired'],
        [
          certificate('x-log-unknown'),
          'x-log-unknown',
          'no device has it, and no profile the authority that signed it',
        ],
        [revoked, 'x-log-revoked', 'it was revoked, or its time as credentials is over'],
        [issued('ca', 'a.inverters', 'log-misfit'), 'a.inverters', 'its common name does not fit profile "chained"'],
        [issued('ca', 'pump-6.meters', 'log-taken'), 'pump-6.meters', 'device "pump-6" is of another profile'],
      ] as const;
      for (const [shown, commonName, problem] of cases) {
        const from = broker.logs().length;
        await using client = await open(shown, 5);
        expect(await client.connack()).toBe(0x87);
        const line = () =>
          broker
            .logs()
            .slice(from)
            .find(({ event }) => event === 'login.certificate');
        await expect.poll(line).toMatchObject({ level: 'info', address: '127.0.0.1', commonName, problem });
      }
    });

    it("a certificate's text as token or client id logs nobody in", async () => {
      const own = certificate('x-text');
      await newDevice(broker, 'x-text');
      await post('x-text/rotate', { credentials: { type: 'X509_CERTIFICATE', certificate: own.der } });
      expect(await refused(own.der)).toBe(0x86);
    });
  });
});
