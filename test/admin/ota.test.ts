import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADMIN_KEY, type Harness, startHarness } from './harness.ts';

const BYTES = Buffer.from('ten bytes!');
const md5 = (bytes: Buffer): string => createHash('md5').update(bytes).digest('hex');

describe('admin: firmware and software packages', () => {
  let harness: Harness;
  let count = 0;
  const made = async (more: Record<string, unknown> = {}): Promise<string> => {
    const body = { type: 'FIRMWARE', title: 'fw', version: `1.${++count}`, ...more };
    const answer = await harness.api('POST', '/api/otaPackage', body);
    expect(answer.statusCode).toBe(200);
    return answer.json().id.id;
  };
  const upload = (id: string, payload: Buffer | string, query = '', contentType = 'application/octet-stream') =>
    harness.inject({
      method: 'POST',
      url: `/api/otaPackage/${id}?${query}`,
      headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': contentType },
      payload,
    });
  const info = async (id: string) => (await harness.api('GET', `/api/otaPackage/info/${id}`)).json();

  beforeAll(async () => {
    harness = await startHarness();
  });
  afterAll(() => harness[Symbol.asyncDispose]());

  it('a bare body is stored with the checksum that was asked for, and comes back as it was', async () => {
    const id = await made();
    const answer = await upload(id, BYTES, `checksumAlgorithm=MD5&checksum=${md5(BYTES).toUpperCase()}&fileName=a.bin`);
    expect(answer.json()).toMatchObject({
      hasData: true,
      dataSize: 10,
      checksum: md5(BYTES),
      checksumAlgorithm: 'MD5',
      fileName: 'a.bin',
    });
    const back = await harness.inject({
      url: `/api/otaPackage/${id}/download`,
      headers: { authorization: `Bearer ${ADMIN_KEY}` },
    });
    expect(back.rawPayload).toEqual(BYTES);
    expect(back.headers['x-filename']).toBe('a.bin');
  });

  it('fields of a form may stand before or behind the file', async () => {
    const form = (checksum: string): string =>
      [
        '--b\r\nContent-Disposition: form-data; name="checksumAlgorithm"\r\n\r\nMD5',
        `--b\r\nContent-Disposition: form-data; name="file"; filename="fw.bin"\r\n\r\n${BYTES}`,
        `--b\r\nContent-Disposition: form-data; name="checksum"\r\n\r\n${checksum}`,
        '--b--\r\n',
      ].join('\r\n');
    const id = await made();
    expect((await upload(id, form('00'), '', 'multipart/form-data; boundary=b')).statusCode).toBe(400);
    expect((await info(id)).hasData).toBe(false);
    const good = await upload(id, form(md5(BYTES)), '', 'multipart/form-data; boundary=b');
    expect(good.json()).toMatchObject({ checksum: md5(BYTES), dataSize: 10, fileName: 'fw.bin' });
  });

  it('a wrong checksum, an empty body, a broken form and an unknown algorithm leave the package without content', async () => {
    const id = await made();
    for (const [payload, query, type] of [
      [BYTES, 'checksum=00', 'application/octet-stream'],
      ['', '', 'application/octet-stream'],
      [BYTES, 'checksumAlgorithm=SHA1', 'application/octet-stream'],
      ['--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nhalf', '', 'multipart/form-data; boundary=b'],
      ['--b--', '', 'multipart/form-data; boundary=b'],
    ] as const) {
      expect((await upload(id, payload, query, type)).statusCode).toBe(400);
      expect((await info(id)).hasData).toBe(false);
    }
    expect((await upload(id, BYTES)).statusCode).toBe(200);
    expect((await upload(id, BYTES)).json().detail).toBe('the content of a package never changes');
  });

  it('a package belongs to the profile that its id or its name says; the list of a profile has what its devices may have', async () => {
    const profiles = (await harness.api('GET', '/api/deviceProfiles?page=0&pageSize=9')).json().data;
    const [first, second] = profiles;
    const url = 'https://packages.example/fw.bin';
    const own = await made({ deviceProfileId: first.id, title: 'own', url });
    expect(await info(own)).toMatchObject({ deviceProfileId: first.id, deviceProfile: first.name });
    await made({ deviceProfile: second.name, title: 'foreign', url });
    await made({ title: 'all', url });
    await made({ title: 'empty' });
    await made({ title: 'other', url, type: 'SOFTWARE' });
    const list = async (id: string, type: string, more = '') => {
      const { data } = (
        await harness.api('GET', `/api/otaPackages/${id}/${type}?page=0&pageSize=100&${more}`)
      ).json() as { data: { title: string; url: string | null }[] };
      return data.filter((one) => one.url === url).map(({ title }) => title);
    };
    expect(await list(first.id.id, 'FIRMWARE')).toEqual(['own', 'all']);
    expect(await list(first.id.id, 'FIRMWARE', 'textSearch=OW')).toEqual(['own']);
    expect(await list(second.id.id, 'SOFTWARE')).toEqual(['other']);
    const bad = { type: 'FIRMWARE', title: 'bad', version: '1' };
    for (const more of [
      { deviceProfileId: { id: '00000000-0000-0000-0000-000000000000' } },
      { deviceProfileId: first.id, deviceProfile: second.name },
    ]) {
      const answer = await harness.api('POST', '/api/otaPackage', { ...bad, ...more });
      expect(answer.json()).toMatchObject({ code: 'PROFILE_NOT_FOUND', at: 'deviceProfileId' });
    }
    for (const path of ['x/FIRMWARE', `${first.id.id}/firmware`, '00000000-0000-0000-0000-000000000000/FIRMWARE']) {
      expect((await harness.api('GET', `/api/otaPackages/${path}`)).statusCode).toBeGreaterThanOrEqual(400);
    }
  });

  it('a package may have as many bytes as the setting says', async () => {
    expect((await upload(await made(), Buffer.alloc(1_000_000, 1))).statusCode).toBe(200);
    expect((await upload(await made(), Buffer.alloc(1_000_001, 1))).statusCode).toBe(413);
  });

  it('without a key, or with too small a role, nothing is stored or read', async () => {
    const id = await made();
    const anonymous = await harness.inject({ method: 'POST', url: `/api/otaPackage/${id}`, payload: BYTES });
    expect(anonymous.statusCode).toBe(401);
    expect((await harness.inject({ url: `/api/otaPackage/${id}/download` })).statusCode).toBe(401);
    const { secretKey } = (
      await harness.api('POST', '/api/gridmoor/api-keys', { name: 'op', role: 'operator' })
    ).json();
    const operator = await harness.inject({
      method: 'POST',
      url: `/api/otaPackage/${id}`,
      headers: { authorization: `Bearer ${secretKey}`, 'content-type': 'application/octet-stream' },
      payload: BYTES,
    });
    expect(operator.statusCode).toBe(403);
    expect((await info(id)).hasData).toBe(false);
  });

  it('title and version are unique; pages and search find packages', async () => {
    await made({ title: 'searched', version: '1' });
    const again = await harness.api('POST', '/api/otaPackage', { type: 'FIRMWARE', title: 'searched', version: '1' });
    expect(again.statusCode).toBe(409);
    const page = (await harness.api('GET', '/api/otaPackages?textSearch=SEARCH&page=0&pageSize=5')).json();
    expect(page).toMatchObject({ totalElements: 1, totalPages: 1, hasNext: false });
    expect(page.data[0]).toMatchObject({ title: 'searched', type: 'FIRMWARE', hasData: false });
  });

  it('a package without content, of another kind or for another profile is not assigned', async () => {
    await harness.device('ota-a');
    const assign = async (body: unknown) =>
      (await harness.api('POST', '/api/gridmoor/devices/ota-a/ota', body)).statusCode;
    expect(await assign({ firmware: await made() })).toBe(400);
    expect(await assign({ software: await made({ url: 'http://127.0.0.1/x' }) })).toBe(404);
    expect(await assign({ firmware: await made({ url: 'http://127.0.0.1/x', deviceProfile: 'limited' }) })).toBe(400);
    expect(await assign({ firmware: 'no-uuid' })).toBe(400);
    expect((await harness.api('POST', '/api/gridmoor/devices/nobody/ota', {})).statusCode).toBe(404);
    expect((await harness.api('POST', '/api/gridmoor/profiles/nothing/ota', {})).statusCode).toBe(400);
  });

  it('an assigned package is not deleted; taken away it is', async () => {
    await harness.device('ota-b');
    const id = await made({ url: 'http://127.0.0.1/x' });
    const assigned = await harness.api('POST', '/api/gridmoor/devices/ota-b/ota', { firmware: id });
    expect(assigned.json()).toEqual({ firmware: id });
    expect((await harness.api('GET', '/api/gridmoor/devices/ota-b/ota')).json()).toEqual({ firmware: id });
    expect((await harness.api('DELETE', `/api/otaPackage/${id}`)).statusCode).toBe(400);
    await harness.api('POST', '/api/gridmoor/devices/ota-b/ota', { firmware: null });
    expect((await harness.api('DELETE', `/api/otaPackage/${id}`)).statusCode).toBe(200);
    expect((await harness.api('DELETE', `/api/otaPackage/${id}`)).statusCode).toBe(404);
  });
});
