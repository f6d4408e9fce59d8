import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Broker } from '../../helpers/broker.ts';
import { api } from '../../helpers/system.ts';
import { addDevice, type DialectBroker, ENOS, enosProfile, startDialects } from './kit.ts';
import { latest } from './messages.ts';

const AT = 1_700_000_000_000;
type Files = readonly (readonly [name: string, bytes: Buffer])[];

describe('files of EnOS devices, over HTTP', () => {
  let dialects: DialectBroker;
  let broker: Broker;

  beforeAll(async () => {
    dialects = await startDialects([
      enosProfile('rod', {
        files: { maxKb: 400, max: 3, days: 1 },
        downloads: { url: 'http://127.0.0.1:9' },
        model: { version: '1', measurepoints: { photo: { type: 'file' }, size: { type: 'int' } } },
      }),
      enosProfile('none', {
        product: { key: 'pKnone', secrets: [{ secret: { env: 'ENOS_SECRET' }, state: 'current' }] },
      }),
    ]);
    broker = dialects.broker;
  });
  afterAll(() => dialects[Symbol.asyncDispose]());

  const login = async (profile: string, deviceKey: string, productKey: string = ENOS.productKey) => {
    const { id, deviceSecret } = await addDevice(broker, profile, deviceKey);
    const content = `deviceKey${deviceKey}lifetime300000productKey${productKey}signMethodsha256${deviceSecret}`;
    const sign = createHash('sha256').update(content).digest('hex');
    const response = await fetch(`${broker.url}/auth/${productKey}/${deviceKey}`, {
      method: 'POST',
      body: JSON.stringify({ signMethod: 'sha256', lifetime: 300_000, sign }),
    });
    const { data } = (await response.json()) as { data: { sessionId: string } };
    return { id, sessionId: data.sessionId, own: `/multipart/sys/${productKey}/${deviceKey}` };
  };
  type Session = Awaited<ReturnType<typeof login>>;
  const send = async (url: string, init: RequestInit) => {
    const response = await fetch(`${broker.url}${url}`, init);
    const bytes = Buffer.from(await response.arrayBuffer());
    const isJson = response.headers.get('content-type')?.includes('json');
    return { status: response.status, bytes, body: isJson ? JSON.parse(bytes.toString()) : undefined };
  };
  const post = ({ own, sessionId }: Session, message: unknown, files: Files, path = 'thing/measurepoint/post') => {
    const form = new FormData();
    if (message !== undefined)
      form.set('enos-message', typeof message === 'string' ? message : JSON.stringify(message));
    for (const [name, bytes] of files) form.append('enos-file', new Blob([new Uint8Array(bytes)]), name);
    return send(`${own}/${path}?sessionId=${sessionId}`, { method: 'POST', body: form });
  };
  const messageOf = (measurepoints: object, files?: object) => ({
    id: '5',
    version: '1.1',
    method: 'thing.measurepoint.post',
    params: { measurepoints, time: AT },
    ...(files ? { files } : {}),
  });
  const at = ({ own, sessionId }: Session, what: string, uri: string) =>
    `${own}/file/${what}?sessionId=${sessionId}&fileUri=${uri}&category=feature`;
  const listOf = (id: string) =>
    api<{ uri: string; name: string; size: number; path: string }[]>(broker, `/api/gridmoor/devices/${id}/files`);

  it('a file stands in its message by its address; its device fetches it, an operator finds it, and it is deleted', async () => {
    const session = await login('rod', 'camera');
    const photo = randomBytes(300_000); // several blocks
    const md5 = createHash('md5').update(photo).digest('hex');
    const posted = await post(
      session,
      messageOf({ photo: 'local://a.jpg', size: 3 }, { 'a.jpg': { featureId: 'photo', md5 } }),
      [['a.jpg', photo]],
    );
    expect([posted.status, posted.body]).toEqual([200, { id: '5', code: 200, data: {} }]);
    const values = await latest(broker, session.id);
    expect(values).toMatchObject({
      photo: [AT, expect.stringMatching(/^enos-connect:\/\/[0-9a-f]{32}\.jpg$/)],
      size: [AT, 3],
    });
    const uri = String((values.photo as unknown[])[1]);
    expect((await send(at(session, 'download', uri), {})).bytes.equals(photo)).toBe(true);
    const url = await send(at(session, 'download/url', uri), {});
    expect(url.body).toMatchObject({ code: 200, data: expect.stringMatching(/^http:\/\/127.0.0.1:9\/file\//) });
    const path = String(url.body.data).slice('http://127.0.0.1:9'.length);
    expect((await send(path, {})).bytes.equals(photo)).toBe(true);
    expect((await send(`${path}A`, {})).status).toBe(404);
    const listed = await listOf(session.id);
    expect(listed).toMatchObject([{ uri, name: 'a.jpg', size: photo.length }]);
    expect((await send(listed[0]?.path ?? '', {})).bytes.equals(photo)).toBe(true);

    const other = await login('rod', 'other-camera');
    expect((await send(at(other, 'download', uri), {})).status).toBe(404);
    expect((await send(at(other, 'delete', uri), { method: 'POST' })).status).toBe(404);
    expect((await send(at(session, 'delete', uri), { method: 'POST' })).body).toEqual({
      code: 200,
      message: 'success',
    });
    expect((await send(at(session, 'delete', uri), { method: 'POST' })).status).toBe(404);
    expect((await send(path, {})).status).toBe(404);
    expect(await listOf(session.id)).toEqual([]);
  });

  it('files go with their device', async () => {
    const session = await login('rod', 'sold');
    await post(session, messageOf({ photo: 'local://a' }), [['a', Buffer.from('x')]]);
    const [file] = await listOf(session.id);
    expect((await send(file?.path ?? '', {})).bytes.toString()).toBe('x');
    await api(broker, `/api/device/${session.id}`, { method: 'DELETE' });
    expect((await send(file?.path ?? '', {})).status).toBe(404);
  });

  it('what its message is refused for leaves no file; nor does a fourth one, or one too large', async () => {
    const session = await login('rod', 'careful');
    const small = Buffer.from('x');
    const code = async (answer: ReturnType<typeof post>) => (await answer).body.code;
    expect(await code(post(session, messageOf({ photo: 'local://a', size: 'hot' }), [['a', small]]))).toBe(1220);
    expect(await code(post(session, messageOf({ photo: 'local://b' }), [['a', small]]))).toBe(1220);
    expect(await code(post(session, messageOf({ photo: 'local://a' }, { a: { md5: 'ab' } }), [['a', small]]))).toBe(
      1220,
    );
    expect(await code(post(session, messageOf({ photo: 'local://a' }), [['a', randomBytes(401 * 1024)]]))).toBe(1008);
    expect(
      await code(
        post(session, messageOf({ photo: 'local://a' }), [
          ['a', small],
          ['a', small],
        ]),
      ),
    ).toBe(1220);
    expect(await code(post(session, undefined, [['a', small]]))).toBe(1220);
    expect(await code(post(session, '{', [['a', small]]))).toBe(1220);
    expect(await listOf(session.id)).toEqual([]);
    for (let n = 1; n <= 3; n++)
      expect(await code(post(session, messageOf({ photo: 'local://a' }), [['a', small]]))).toBe(200);
    expect(await code(post(session, messageOf({ photo: 'local://a' }), [['a', small]]))).toBe(1008);
    expect(await listOf(session.id)).toHaveLength(3);
    const both = await Promise.all([1, 2].map(() => post(session, messageOf({ photo: 'local://a' }), [['a', small]])));
    expect(both.map(({ body }) => body.code)).toEqual([1008, 1008]);
  });

  it('a body that is no form, a topic of another device, no session and a profile without files are refused', async () => {
    const session = await login('rod', 'odd');
    const url = `${session.own}/thing/measurepoint/post?sessionId=${session.sessionId}`;
    const plain = await send(url, { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } });
    expect(plain.body.code).toBe(1220);
    const broken = { method: 'POST', body: '--b\r\nx', headers: { 'content-type': 'multipart/form-data; boundary=b' } };
    expect((await send(url, broken)).status).toBe(400);
    const elsewhere = { ...session, own: '/multipart/sys/pK11111/someone' };
    const file: Files = [['a', Buffer.from('x')]];
    expect((await post(elsewhere, messageOf({ photo: 'local://a' }), file)).status).toBe(404);
    expect(await listOf(session.id)).toEqual([]);
    const nobody = { ...session, sessionId: 'none' };
    expect((await post(nobody, messageOf({ photo: 'local://a' }), file)).status).toBe(401);
    expect((await send(at(nobody, 'download', 'x'), {})).status).toBe(401);
    const none = await login('none', 'fileless', 'pKnone');
    expect((await post(none, messageOf({ photo: 'local://a' }), file)).body.code).toBe(1009);
    for (const uri of ['', 'x', 'enos-connect://..', `enos-connect://${'0'.repeat(32)}`]) {
      expect((await send(at(session, 'download', encodeURIComponent(uri)), {})).status).toBe(404);
    }
  });
});
