import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../cli/run-cli.ts';
import { type Broker, startBroker } from '../helpers/broker.ts';
import { api, latest } from '../helpers/system.ts';

interface Printed {
  readonly [member: string]: number;
}

describe('gridmoor simulate against the broker', () => {
  let broker: Broker;
  let supplierKey: string;
  beforeAll(async () => {
    broker = await startBroker();
    const supplier = await api<{ secretKey: string }>(broker, '/api/gridmoor/suppliers', {
      method: 'POST',
      body: { name: 'Sol' },
    });
    supplierKey = supplier.secretKey;
  });
  afterAll(async () => {
    await broker[Symbol.asyncDispose]();
  });

  const simulate = async (...flags: string[]) => {
    const ran = await runCli(['simulate', '--port', String(broker.ports.mqtt), '--json', ...flags], {
      env: { PROVISION_SECRET_SMART_METER: broker.provisionSecret, SUPPLIER_KEY: supplierKey },
    });
    return { ...ran, summary: (ran.stdout === '' ? {} : JSON.parse(ran.stdout)) as Printed };
  };

  it.each(['mqttv311', 'mqttv5'])(
    'a fleet attaches, and every message is acknowledged and stored (%s)',
    async (version) => {
      const name = `sim-${version}`;
      const flags = ['--name', name, '--count', '5', '--rate', '50', '--duration', '1', '--supplier', '-V', version];
      const first = await simulate(...flags, '--payload', '{"sequence":{{n}}}');
      expect([first.code, first.stderr]).toEqual([0, '']);
      const { connected, provisioned, attached, sent, acknowledged, refused } = first.summary;
      expect({ connected, provisioned, attached, refused }).toEqual({
        connected: 5,
        provisioned: 5,
        attached: 5,
        refused: 0,
      });
      expect(sent).toBeGreaterThanOrEqual(45);
      expect(acknowledged).toBe(sent);
      expect(Number((await latest(broker, `${name}-3`)).sequence)).toBeGreaterThanOrEqual(9);
      const page = await api<{ data: unknown[] }>(broker, '/api/gridmoor/attachments?pageSize=100');
      expect(page.data.length).toBeGreaterThanOrEqual(5);

      const again = await simulate(...flags);
      expect(again.code).toBe(0);
      expect(again.summary).toMatchObject({ connected: 5, provisioned: 0, attached: 5, refused: 0 });
    },
  );

  it('comes back after every storm', async () => {
    const { code, summary } = await simulate('--count', '20', '--rate', '100', '--duration', '2', '--storm', '0.5');
    expect(code).toBe(0);
    expect(summary.storms).toBeGreaterThanOrEqual(2);
    expect(summary.reconnects).toBeGreaterThanOrEqual(40);
    expect((summary.acknowledged ?? 0) + (summary.interrupted ?? 0)).toBe(summary.sent);
    expect(summary.lost).toBe(0);
  });

  it.each(['mqttv311', 'mqttv5'])('bad actors are stopped and harm nobody (%s)', async (version) => {
    const flags = ['--count', '12', '--rate', '40', '--duration', '2', '--bad', '0.34', '-V', version];
    const { code, summary } = await simulate(...flags);
    expect(code).toBe(0);
    expect(summary).toMatchObject({ meters: 7, badActors: 5, connected: 7, refused: 0, lost: 0 });
    const bad = summary.bad as unknown as Record<string, { tries: number; stopped: number; letThrough: number }>;
    expect(Object.keys(bad)).toEqual(['wrong-token', 'bad-json', 'oversize', 'abrupt-close']);
    for (const { tries, stopped, letThrough } of Object.values(bad)) {
      expect(tries).toBeGreaterThan(0);
      expect([stopped, letThrough]).toEqual([tries, 0]);
    }
  });

  it('a wrong supplier key is a finding with its reason', async () => {
    const ran = await runCli(
      ['simulate', '--port', String(broker.ports.mqtt), '--json', '--count', '2', '--duration', '1', '--supplier'],
      { env: { PROVISION_SECRET: broker.provisionSecret, SUPPLIER_KEY: 'gms_wrong' } },
    );
    expect(ran.code).toBe(1);
    expect(JSON.parse(ran.stdout)).toMatchObject({ reasons: { 'attachment: unknown-supplier-key': 2 } });
  });

  it('a wrong provision secret ends the run', async () => {
    const ran = await runCli(['simulate', '--port', String(broker.ports.mqtt)], {
      env: { PROVISION_SECRET: 'wrong-secret' },
    });
    expect([ran.code, ran.stderr]).toEqual([1, expect.stringContaining('no profile with the key smart-meter')]);
  });

  it('on a terminal one line shows how far it is, and is wiped at the end', async () => {
    const ran = await runCli(
      ['simulate', '--port', String(broker.ports.mqtt), '--count', '2', '--rate', '20', '--duration', '1'],
      { env: { PROVISION_SECRET: broker.provisionSecret }, isTty: true },
    );
    expect(ran.code).toBe(0);
    const [, ...lines] = ran.stdout.split('\r\u001b[K');
    expect(lines.at(-2)).toMatch(/^sending \d s · 2\/2 connected · \d+\/\d+ acknowledged/);
    expect(lines.at(-1)).toMatch(/^fleet: /);
  });
});
