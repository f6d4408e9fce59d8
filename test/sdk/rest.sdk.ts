import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../helpers/broker.ts';
import { api } from '../helpers/system.ts';
import { Sdk } from './sdk.ts';

interface Entity {
  readonly id: { readonly id: string };
  readonly name: string;
}

const USER = { username: 'ops@example.com', password: 'a-password-of-the-sdk-tests' };
const TOKEN = 'sdk-rest-token-0123456789';

/** tb-ce-client, generated from the description of ThingsBoard's own REST API; its models refuse what they do not know. */
describe('generated REST client', () => {
  let broker: Broker;
  let rest: Sdk;
  let deviceId: string;

  beforeAll(async () => {
    broker = await startBroker();
    const user = { name: USER.username, password: USER.password, role: 'administrator' };
    await api(broker, '/api/gridmoor/users', { method: 'POST', body: user });
    rest = Sdk.start();
    await rest.call('rest_login', { url: broker.url, ...USER });
    const made = await rest.call<Entity>('rest_save_device', {
      type: 'smart-meter',
      name: 'rest-1',
      access_token: TOKEN,
    });
    deviceId = made.id.id;
  });
  afterAll(async () => {
    await rest[Symbol.asyncDispose]();
    await broker[Symbol.asyncDispose]();
  });

  const call = <T>(method: string, args: Record<string, unknown> = {}) => rest.call<T>('rest', { method, ...args });
  const refused = (method: string, args: Record<string, unknown> = {}) =>
    rest.call<Record<string, unknown>>('rest_refused', { method, ...args });

  it('is logged in as the user', async () => {
    expect(await call('get_user')).toMatchObject({ email: USER.username, authority: 'TENANT_ADMIN' });
  });

  it('reads the device it created, by id, by name and in a list', async () => {
    const device = { id: { id: deviceId }, name: 'rest-1' };
    expect(await call('get_device_by_id', { device_id: deviceId })).toMatchObject(device);
    expect(await call('get_tenant_device_by_name', { device_name: 'rest-1' })).toMatchObject(device);
    const page = await call('get_tenant_devices', { page_size: 10, page: 0, text_search: 'REST' });
    expect(page).toMatchObject({ data: [device], totalElements: 1, hasNext: false });
  });

  it('lists, acknowledges, clears and deletes alarms', async () => {
    const originator = { entityType: 'DEVICE', id: deviceId };
    const body = { type: 'Hot', severity: 'MAJOR', originator, details: { limit: 90 } };
    const { id } = await api<Entity>(broker, '/api/alarm', { method: 'POST', body });
    const alarm = { id, type: 'Hot', status: 'ACTIVE_UNACK', details: { limit: 90 } };
    const of = { entity_type: 'DEVICE', entity_id: deviceId };
    const paging = { page_size: 10, page: 0 };
    expect(await call('get_alarm_by_id', { alarm_id: id.id })).toMatchObject(alarm);
    expect(await call('get_alarm_info_by_id', { alarm_id: id.id })).toMatchObject({
      ...alarm,
      originatorName: 'rest-1',
    });
    const page = { data: [alarm], totalElements: 1, hasNext: false };
    expect(await call('get_alarms_by_entity', { ...of, ...paging, search_status: 'ACTIVE' })).toMatchObject(page);
    expect(await call('get_alarms_v2', { ...of, ...paging, status_list: ['ACTIVE', 'UNACK'] })).toMatchObject(page);
    expect(await call('get_all_alarms', paging)).toMatchObject(page);
    expect(await call('get_all_alarms_v2', { ...paging, severity_list: ['MINOR'] })).toMatchObject({
      totalElements: 0,
    });
    expect(await call('get_highest_alarm_severity', of)).toBe('MAJOR');
    expect(await call('get_alarm_types', paging)).toMatchObject({ data: [{ type: 'Hot' }] });
    expect(await call('ack_alarm', { alarm_id: id.id })).toMatchObject({ status: 'ACTIVE_ACK' });
    expect(await call('clear_alarm', { alarm_id: id.id })).toMatchObject({ status: 'CLEARED_ACK' });
    expect(await refused('clear_alarm', { alarm_id: id.id })).toMatchObject({ status: 400 });
    expect(await call('delete_alarm', { alarm_id: id.id })).toBe(true);
  });

  it('reads an asset by its name', async () => {
    const supplier = await api<{ id: string }>(broker, '/api/gridmoor/suppliers', {
      method: 'POST',
      body: { name: 'Sol' },
    });
    const asset = { id: { id: supplier.id }, name: 'Sol', type: 'PowerSupplier' };
    expect(await call('get_tenant_asset_by_name', { asset_name: 'Sol' })).toMatchObject(asset);
  });

  describe('with the device connected', () => {
    let device: Sdk;
    beforeEach(async () => {
      device = Sdk.start();
      await device.call('connect', { host: '127.0.0.1', port: broker.ports.mqtt, token: TOKEN });
      return () => device[Symbol.asyncDispose]();
    });
    const entity = () => ({ entity_type: 'DEVICE', entity_id: deviceId });

    it('reads telemetry that the device published', async () => {
      const start = 1_700_000_000_000;
      for (const [index, power] of [10, 20, 60].entries()) {
        await device.call('telemetry', { data: { ts: start + index * 1_000, values: { power } } });
      }
      const latest = await call('get_latest_timeseries', { ...entity(), keys: 'power', use_strict_data_types: true });
      expect(latest).toEqual({ power: [{ ts: start + 2_000, value: 60 }] });
      expect(await call('get_timeseries_keys', entity())).toEqual(['power']);
      const span = { keys: 'power', start_ts: start, end_ts: start + 10_000 };
      const history = { ...entity(), ...span, order_by: 'ASC', use_strict_data_types: true };
      const samples = await call<{ power: { value: unknown }[] }>('get_timeseries_history', history);
      expect(samples.power.map(({ value }) => value)).toEqual([10, 20, 60]);
      const sums = await call('get_timeseries_history', { ...history, interval: 10_000, agg: 'SUM' });
      expect(sums).toMatchObject({ power: [{ value: 90 }] });
    });

    it('reads attributes that the device published, and sets shared ones that reach it', async () => {
      await device.call('attributes', { data: { serial: 'R1', phases: 3 } });
      type Attributes = readonly { readonly key: string; readonly value: unknown }[];
      const valuesOf = (read: Attributes) => Object.fromEntries(read.map(({ key, value }) => [key, value]));
      const args = { ...entity(), keys: 'serial,phases' };
      expect(valuesOf(await call<Attributes>('get_attributes', args))).toEqual({ serial: 'R1', phases: 3 });
      const method = 'get_attributes_by_scope';
      const raw = await rest.call<{ body: Attributes }>('rest_raw', { method, ...args, scope: 'CLIENT_SCOPE' });
      expect(valuesOf(raw.body)).toEqual({ serial: 'R1', phases: 3 });
      await device.call('subscribe');
      await call('save_entity_attributes_v2', { ...entity(), scope: 'SHARED_SCOPE', body: '{"period":15}' });
      expect(await device.event('attributes')).toEqual({ period: 15 });
    });

    it('calls the device, which answers', async () => {
      const body = JSON.stringify({ method: 'setRelay', params: { on: true }, timeout: 10_000 });
      const answer = await call<string>('handle_two_way_device_rpc_request_v2', { device_id: deviceId, body });
      expect(await device.event('rpc')).toEqual({ method: 'setRelay', params: { on: true } });
      // What the client makes of JSON where its description says "string".
      expect(answer).toBe("{'echo': {'on': True}}");
    });
  });

  it('reads errors with its own model', async () => {
    const nobody = '0193b5f2-0000-7000-8000-000000000000';
    expect(await refused('get_device_by_id', { device_id: nobody })).toMatchObject({
      raised: 'NotFoundException',
      status: 404,
      error_code: 32,
      message: expect.stringContaining('device'),
      timestamp: expect.any(Number),
    });
    expect(await refused('get_device_by_id', { device_id: 'x' })).toMatchObject({ status: 400, error_code: 31 });
    expect(await refused('get_tenant_asset_by_name', { asset_name: 'none' })).toMatchObject({ error_code: 32 });
    expect(await refused('get_tenant_dashboards', { page_size: 1, page: 0 })).toMatchObject({ error_code: 32 });
  });

  it('is refused with a wrong password', async () => {
    await using other = Sdk.start();
    const login = other.call('rest_login', { url: broker.url, ...USER, password: 'a-wrong-password' });
    await expect(login).rejects.toThrow('UnauthorizedException');
  });

  it('deletes the device', async () => {
    const made = await rest.call<Entity>('rest_save_device', {
      type: 'smart-meter',
      name: 'rest-2',
      access_token: `${TOKEN}-2`,
    });
    await call('delete_device', { device_id: made.id.id });
    expect(await refused('get_device_by_id', { device_id: made.id.id })).toMatchObject({ error_code: 32 });
  });

  it('logs out: its token is worth nothing then', async () => {
    await using other = Sdk.start();
    await other.call('rest_login', { url: broker.url, ...USER });
    await other.call('rest', { method: 'logout' });
    expect(await other.call('rest_refused', { method: 'get_user' })).toMatchObject({ status: 401, error_code: 10 });
  });
});
