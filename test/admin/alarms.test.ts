import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Device } from '../../src/model/device.ts';
import type { AssetId } from '../../src/model/ids.ts';
import { type Harness, startHarness } from './harness.ts';

const PASSWORD = 'a long enough password';
const NOBODY = '00000000-0000-7000-8000-000000000009';
let harness: Harness;
let meter: Device;
let supplier: string;
beforeAll(async () => {
  harness = await startHarness({ free: 1_000, baseMs: 20, maxMs: 40 });
  meter = await harness.device('meter-1');
  const { id } = await harness.supplier('Mine');
  await harness.core.attachments.attach({
    deviceId: meter.id,
    supplierId: id as AssetId,
    supplyPoint: { scheme: 'es-cups', stem: 'ES0021000000000001' },
    grid: { code: '0021', name: 'Grid' },
    onConflict: 'reject',
    by: 'test',
  });
  await harness.api('POST', '/api/gridmoor/users', {
    name: 'seller',
    role: 'supplier',
    supplier: 'Mine',
    password: PASSWORD,
  });
  const login = await harness.api('POST', '/api/auth/login', { username: 'seller', password: PASSWORD }, '');
  supplier = login.json().token;
});
afterAll(() => harness[Symbol.asyncDispose]());

const alarmOf = (device: { readonly id: string }, change: object = {}) => ({
  type: 'High',
  severity: 'MAJOR',
  originator: { entityType: 'DEVICE', id: device.id },
  ...change,
});
const save = async (body: object) => (await harness.api('POST', '/api/alarm', body)).json();
const idOf = (alarm: { readonly id: { readonly id: string } }): string => alarm.id.id;
const types = async (url: string, key?: string): Promise<unknown> =>
  (await harness.api('GET', url, undefined, key)).json().data.map(({ type }: { type: string }) => type);

describe('alarms', () => {
  it("have ThingsBoard's shape, and the names of their originator in the info", async () => {
    const saved = await save(alarmOf(meter, { details: { limit: 90 }, tenantId: null, status: 'ACTIVE_UNACK' }));
    expect(saved).toMatchObject({
      id: { entityType: 'ALARM', id: expect.any(String) },
      createdTime: expect.any(Number),
      tenantId: { entityType: 'TENANT' },
      customerId: { entityType: 'CUSTOMER' },
      type: 'High',
      name: 'High',
      originator: { entityType: 'DEVICE', id: meter.id },
      severity: 'MAJOR',
      status: 'ACTIVE_UNACK',
      acknowledged: false,
      cleared: false,
      assigneeId: null,
      ackTs: 0,
      details: { limit: 90 },
      propagate: false,
      propagateRelationTypes: [],
    });
    expect((await harness.api('GET', `/api/alarm/${idOf(saved)}`)).json()).toEqual(saved);
    const info = (await harness.api('GET', `/api/alarm/info/${idOf(saved)}`)).json();
    expect(info).toMatchObject({ originatorName: 'meter-1', originatorDisplayName: 'meter-1', assignee: null });
  });

  it('details keep the text of their numbers', async () => {
    const device = await harness.device('meter-exact');
    const body = `{"type":"High","severity":"MAJOR","originator":{"entityType":"DEVICE","id":"${device.id}"},"details":{"a":42.0,"b":9007199254740993}}`;
    const saved = await harness.api('POST', '/api/alarm', body);
    expect(saved.body).toContain('"details":{"a":42.0,"b":9007199254740993}');
    expect((await harness.api('GET', `/api/alarm/${idOf(saved.json())}`)).body).toContain('42.0');
  });

  it('saving again updates the active one; acknowledged and cleared as saved', async () => {
    const device = await harness.device('meter-2');
    const first = await save(alarmOf(device, { details: { a: 1 } }));
    const second = await save(alarmOf(device, { severity: 'CRITICAL', acknowledged: true }));
    expect([idOf(second), second.severity, second.status]).toEqual([idOf(first), 'CRITICAL', 'ACTIVE_ACK']);
    const third = await save({ ...second, severity: 'MINOR', cleared: true });
    expect([idOf(third), third.severity, third.status]).toEqual([idOf(first), 'MINOR', 'CLEARED_ACK']);
    const again = await harness.api('POST', '/api/alarm', third);
    expect([again.statusCode, again.json().detail]).toEqual([400, expect.stringContaining('leave out its id')]);
    const next = await save(alarmOf(device));
    expect(idOf(next)).not.toBe(idOf(first));
    const moved = await harness.api('POST', '/api/alarm', { ...next, type: 'Low' });
    expect(moved.json().detail).toContain('type and originator');
  });

  it('are acknowledged, cleared and deleted once, each with an audit line', async () => {
    const device = await harness.device('meter-3');
    const id = idOf(await save(alarmOf(device)));
    const post = async (what: string) => (await harness.api('POST', `/api/alarm/${id}/${what}`)).json();
    expect(await post('ack')).toMatchObject({
      status: 'ACTIVE_ACK',
      ackTs: expect.any(Number),
      originatorName: 'meter-3',
    });
    expect((await post('ack')).detail).toBe('the alarm is acknowledged already');
    expect(await post('clear')).toMatchObject({ status: 'CLEARED_ACK', cleared: true });
    expect((await post('clear')).detail).toBe('the alarm is cleared already');
    expect((await harness.api('DELETE', `/api/alarm/${id}`)).body).toBe('true');
    const gone = await harness.api('DELETE', `/api/alarm/${id}`);
    expect([gone.statusCode, gone.json().code]).toEqual([404, 'NOT_FOUND']);
    const { data } = (await harness.api('GET', '/api/gridmoor/audit?pageSize=1000')).json();
    const mine = data.filter(({ subject }: { subject: string }) => subject === `alarm:${id}`);
    expect(mine.map(({ action }: { action: string }) => action)).toEqual([
      'alarm.delete',
      'alarm.clear',
      'alarm.acknowledge',
      'alarm.create',
    ]);
    expect(mine[0]).toMatchObject({ by: 'admin-key', facts: { type: 'High', originator: `device:${device.id}` } });
  });

  it('are given to users and taken back', async () => {
    const id = idOf(await save(alarmOf(await harness.device('meter-4'))));
    const users = (await harness.api('GET', '/api/gridmoor/users')).json().data;
    const assigned = await harness.api('POST', `/api/alarm/${id}/assign/${users[0].id}`);
    expect(assigned.json()).toMatchObject({ assigneeId: { entityType: 'USER', id: users[0].id } });
    const info = (await harness.api('GET', `/api/alarm/info/${id}`)).json();
    expect(info.assignee).toMatchObject({ email: 'seller' });
    expect(await types(`/api/alarms?assigneeId=${users[0].id}`)).toEqual(['High']);
    expect((await harness.api('DELETE', `/api/alarm/${id}/assign`)).json().assigneeId).toBeNull();
    expect((await harness.api('POST', `/api/alarm/${id}/assign/${NOBODY}`)).json().code).toBe('NOT_FOUND');
  });

  it('go with their device', async () => {
    const device = await harness.device('meter-5');
    const id = idOf(await save(alarmOf(device)));
    await harness.api('DELETE', `/api/device/${device.id}`);
    expect((await harness.api('GET', `/api/alarm/${id}`)).statusCode).toBe(404);
    expect((await harness.api('POST', '/api/alarm', alarmOf(device))).json().code).toBe('DEVICE_NOT_FOUND');
  });
});

describe('lists of alarms', () => {
  let device: Device;
  beforeAll(async () => {
    device = await harness.device('meter-6');
    await save(alarmOf(device, { type: 'one', severity: 'CRITICAL' }));
    await save(alarmOf(device, { type: 'two', acknowledged: true }));
    await save(alarmOf(device, { type: 'three', severity: 'WARNING', cleared: true }));
  });

  it('are narrowed by state, severity, type and part of the type, on both versions of the paths', async () => {
    const of = (query: string, version = '') => types(`/api${version}/alarm/DEVICE/${device.id}?${query}`);
    const sorted = async (query: string, version?: string) => ((await of(query, version)) as string[]).sort();
    expect(await sorted('pageSize=10&page=0&sortProperty=createdTime&sortOrder=ASC')).toEqual(['one', 'three', 'two']);
    expect(await sorted('searchStatus=ACTIVE')).toEqual(['one', 'two']);
    expect(await sorted('searchStatus=UNACK')).toEqual(['one', 'three']);
    expect(await of('status=CLEARED_UNACK')).toEqual(['three']);
    expect(await of('textSearch=EE')).toEqual(['three']);
    expect(await of('statusList=ACTIVE&statusList=UNACK', '/v2')).toEqual(['one']);
    expect(await sorted('statusList=ACTIVE,CLEARED', '/v2')).toEqual(['one', 'three', 'two']);
    expect(await of('severityList=WARNING,MINOR', '/v2')).toEqual(['three']);
    expect(await of('typeList=two,none', '/v2')).toEqual(['two']);
    expect(await of('endTime=1', '/v2')).toEqual([]);
    expect(await of('pageSize=2&page=5')).toEqual([]);
  });

  it('the highest severity is a text; without alarms there is no body', async () => {
    const highest = (query: string) =>
      harness.api('GET', `/api/alarm/highestSeverity/DEVICE/${device.id}?${query}`).then(({ body }) => body);
    expect(await highest('')).toBe('"CRITICAL"');
    expect(await highest('status=CLEARED_UNACK')).toBe('"WARNING"');
    expect(await highest('status=CLEARED_ACK')).toBe('');
  });

  it('types are listed once', async () => {
    const found = (await harness.api('GET', '/api/alarm/types?textSearch=T&sortOrder=DESC')).json();
    expect(found.data.map(({ type }: { type: string }) => type)).toEqual(['two', 'three']);
    expect(found).toMatchObject({ totalPages: 1, totalElements: 2, hasNext: false });
  });

  it('wrong words are refused with the field that is wrong', async () => {
    for (const [query, at] of [
      ['/api/alarms?searchStatus=ACTIVE&status=ACTIVE_ACK', 'status'],
      ['/api/alarms?status=GONE', '/status'],
      ['/api/alarms?sortProperty=severity', '/sortProperty'],
      ['/api/v2/alarms?statusList=GONE', 'statusList'],
      ['/api/v2/alarms?severityList=__proto__', 'severityList'],
      ['/api/alarms?assigneeId=me', 'assigneeId'],
      ['/api/alarm/PLANET/00000000-0000-7000-8000-000000000009', '/entityType'],
      ['/api/alarm/not-a-uuid', 'alarmId'],
    ] as const) {
      const answer = await harness.api('GET', query);
      expect([query, answer.statusCode]).toEqual([query, 400]);
      expect(JSON.stringify(answer.json())).toContain(at.replace('/', ''));
    }
    for (const body of [
      {},
      [],
      alarmOf(meter, { severity: 'FATAL' }),
      alarmOf(meter, { type: ' ' }),
      alarmOf(meter, { type: 'x'.repeat(300) }),
      alarmOf(meter, { originator: { entityType: 'DEVICE', id: 'x' } }),
      alarmOf(meter, { details: 'y'.repeat(70_000) }),
      alarmOf(meter, { id: 'text' }),
      alarmOf(meter, { propagateRelationTypes: [1] }),
    ]) {
      expect([body, (await harness.api('POST', '/api/alarm', body)).statusCode]).toEqual([body, 400]);
    }
  });
});

describe('a supplier', () => {
  it('reads alarms of own devices and no others, and changes none', async () => {
    const foreign = await harness.device('foreign');
    const theirs = idOf(await save(alarmOf(foreign, { type: 'Foreign' })));
    const [mine] = (await harness.api('GET', `/api/alarm/DEVICE/${meter.id}`, undefined, supplier)).json().data;
    expect(mine.originatorName).toBe('meter-1');
    expect(await types('/api/alarms', supplier)).toEqual(['High']);
    expect(await types('/api/v2/alarms?pageSize=1', supplier)).toEqual(['High']);
    expect((await harness.api('GET', `/api/alarm/${idOf(mine)}`, undefined, supplier)).statusCode).toBe(200);
    for (const url of [`/api/alarm/${theirs}`, `/api/alarm/info/${theirs}`, `/api/alarm/DEVICE/${foreign.id}`]) {
      expect([url, (await harness.api('GET', url, undefined, supplier)).statusCode]).toEqual([url, 404]);
    }
    for (const url of [`/api/alarm/${idOf(mine)}/ack`, `/api/alarm/${idOf(mine)}/clear`]) {
      expect((await harness.api('POST', url, undefined, supplier)).statusCode).toBe(403);
    }
  });
});
