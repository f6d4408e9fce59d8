import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../../helpers/broker.ts';
import { api, attributes, deviceId, newDevice } from '../../helpers/system.ts';

interface Held {
  readonly device: { readonly name: string };
  readonly supplier: { readonly name: string };
  readonly supplyPoint: string;
  readonly grid: { readonly code: string };
}
interface Page<T> {
  readonly data: readonly T[];
}
interface Traced {
  readonly id: string;
  readonly type: string;
  readonly steps: readonly { readonly node: string; readonly labels: readonly string[] }[];
}

const CUPS = ['ES0021000012345678LB', 'ES0022000008546387RB', 'ES0026000000765432MP', 'ES0027123456789012NR'];

/** Attributes over HTTP: the answer means that the chain is done and its writes are stored. */
async function send(broker: Broker, token: string, body: object): Promise<number> {
  const response = await fetch(`${broker.url}/api/v1/${token}/attributes`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return response.status;
}

const heldBy = async (broker: Broker, device: string): Promise<readonly Held[]> =>
  (await api<Page<Held>>(broker, `/api/gridmoor/attachments?device=${device}`)).data;
const replyTo = async (broker: Broker, device: string): Promise<unknown> =>
  (await attributes(broker, device, 'SHARED_SCOPE')).onboarding;
const eventsOf = async (broker: Broker, device: string): Promise<string[]> => {
  const path = `/api/gridmoor/attachments/${await deviceId(broker, device)}/history`;
  return (await api<Page<{ event: string }>>(broker, path)).data.map(({ event }) => event);
};

async function supplier(broker: Broker, name: string): Promise<string> {
  const made = await api<{ secretKey: string }>(broker, '/api/gridmoor/suppliers', { method: 'POST', body: { name } });
  return made.secretKey;
}

/** Asks for traces of the device, does the work, and gives what was traced. */
async function traced(broker: Broker, device: string, work: () => Promise<unknown>): Promise<Traced[]> {
  const id = await deviceId(broker, device);
  await api(broker, `/api/gridmoor/devices/${id}/trace`, { method: 'POST', body: {} });
  await work();
  const { data } = await api<Page<{ id: string }>>(broker, `/api/gridmoor/messages?device=${id}`);
  return await Promise.all(data.map((line) => api<Traced>(broker, `/api/gridmoor/messages/${line.id}/explain`)));
}

const wayOf = ({ steps }: Traced): string[] => steps.flatMap(({ node, labels }) => [node, ...labels]);

/** The shipped chains, changed. */
function chainsWith(change: (nodes: Record<string, { config?: object; to?: object; kind?: string }>) => void): string {
  const folder = mkdtempSync(join(tmpdir(), 'gridmoor-onboarding-'));
  cpSync('rule-chains', folder, { recursive: true });
  const file = join(folder, 'onboarding.json');
  const chain = JSON.parse(readFileSync(file, 'utf8'));
  change(chain.nodes);
  writeFileSync(file, JSON.stringify(chain));
  return folder;
}

describe('onboarding', () => {
  let broker: Broker;
  let key: string;

  beforeAll(async () => {
    broker = await startBroker();
    key = await supplier(broker, 'Acme Energía');
  });
  afterAll(() => broker[Symbol.asyncDispose]());

  it('case 64: a valid key and a valid CUPS attach the device, in one trace, and the secret is not stored', async () => {
    const token = await newDevice(broker, 'case-64');
    const body = { Power_supplier_secret_key: key, CUPS: CUPS[0], model: 'X1' };
    const traces = await traced(broker, 'case-64', () => send(broker, token, body));
    expect(await heldBy(broker, 'case-64')).toMatchObject([
      { supplier: { name: 'Acme Energía' }, supplyPoint: CUPS[0], grid: { code: '0021' } },
    ]);
    const id = await deviceId(broker, 'case-64');
    const relations = await api<{ type: string }[]>(broker, `/api/relations?toId=${id}&toType=DEVICE`);
    expect(relations.map(({ type }) => type).sort()).toEqual(['Feeds', 'Supplies']);
    expect(await attributes(broker, 'case-64', 'CLIENT_SCOPE')).toEqual({ CUPS: CUPS[0], model: 'X1' });
    expect(await replyTo(broker, 'case-64')).toMatchObject({ status: 'attached', supplier: 'Acme Energía' });
    expect(traces.filter(({ type }) => type === 'POST_ATTRIBUTES_REQUEST')).toHaveLength(1);
  });

  it('case 65: the same message again is Already attached, and attaches nothing', async () => {
    const token = await newDevice(broker, 'case-65');
    const body = { Power_supplier_secret_key: key, CUPS: CUPS[1] };
    await send(broker, token, body);
    const traces = await traced(broker, 'case-65', () => send(broker, token, body));
    expect(wayOf(traces[0] ?? { id: '', type: '', steps: [] })).toContain('Already attached');
    expect(await eventsOf(broker, 'case-65')).toEqual(['attached']);
    expect(await replyTo(broker, 'case-65')).toMatchObject({ status: 'attached' });
  });

  it('case 66: an unknown key attaches nothing, raises an alarm, and is refused with a code and no hint', async () => {
    const token = await newDevice(broker, 'case-66');
    await send(broker, token, { Power_supplier_secret_key: 'an unknown key', CUPS: CUPS[0], model: 'X1' });
    expect(await heldBy(broker, 'case-66')).toEqual([]);
    expect(await replyTo(broker, 'case-66')).toEqual({ status: 'refused', reason: 'unknown-supplier-key' });
    expect(await attributes(broker, 'case-66', 'CLIENT_SCOPE')).toEqual({});
    const path = `/api/alarm/DEVICE/${await deviceId(broker, 'case-66')}?pageSize=10&page=0`;
    const alarms = await api<Page<{ type: string; severity: string }>>(broker, path);
    expect(alarms.data).toMatchObject([{ type: 'Onboarding mismatch', severity: 'MAJOR' }]);
    expect(JSON.stringify(alarms)).not.toContain('an unknown key');
  });

  it('case 67: wrong control letters are refused before any look-up', async () => {
    const token = await newDevice(broker, 'case-67');
    const body = { Power_supplier_secret_key: key, CUPS: 'ES1234123456789012JX' };
    const [trace] = await traced(broker, 'case-67', () => send(broker, token, body));
    expect(trace?.steps.map(({ node }) => node)).not.toContain('supplier');
    expect(await replyTo(broker, 'case-67')).toEqual({ status: 'refused', reason: 'supply-point-checksum' });
  });

  it.each([
    ['lower case with spaces', 'es 1234 1234 5678 9012 jy', 'case-67a'],
    ['the form of 22 characters', 'ES0021000000000001RK0F', 'case-67b'],
  ])('case 67: %s is normalised and accepted', async (_, code, device) => {
    const token = await newDevice(broker, device);
    await send(broker, token, { Power_supplier_secret_key: key, CUPS: code });
    const stem = code.replaceAll(' ', '').toUpperCase().slice(0, 20);
    expect(await heldBy(broker, device)).toMatchObject([{ supplyPoint: stem }]);
  });

  it('case 68: a CUPS that another device holds is a Conflict by default, and moves with the policy move', async () => {
    const take = async (at: Broker, secret: string, device: string) =>
      send(at, await newDevice(at, device), { Power_supplier_secret_key: secret, CUPS: CUPS[2] });
    await take(broker, key, 'case-68a');
    await take(broker, key, 'case-68b');
    expect(await replyTo(broker, 'case-68b')).toEqual({ status: 'refused', reason: 'supply-point-taken' });
    expect(await heldBy(broker, 'case-68a')).toHaveLength(1);
    expect(await heldBy(broker, 'case-68b')).toEqual([]);
    const folder = chainsWith((nodes) => Object.assign(nodes.attach ?? {}, { config: { onConflict: 'move' } }));
    await using other = await startBroker({ chainsDir: folder });
    const secret = await supplier(other, 'Acme');
    await take(other, secret, 'case-68a');
    await take(other, secret, 'case-68b');
    expect(await heldBy(other, 'case-68a')).toEqual([]);
    expect(await heldBy(other, 'case-68b')).toMatchObject([{ supplyPoint: CUPS[2] }]);
    expect(await eventsOf(other, 'case-68a')).toContain('moved-out');
  });

  it('case 69: a kill at any moment leaves the device attached wholly or not at all', async () => {
    await using mortal = await startBroker();
    const secret = await supplier(mortal, 'Acme');
    const seen = { attached: 0, not: 0 };
    for (const [round, code] of CUPS.entries()) {
      const device = `case-69-${round}`;
      const token = await newDevice(mortal, device);
      const sent = send(mortal, token, { Power_supplier_secret_key: secret, CUPS: code }).catch(() => 0);
      // The first two at once, so that the message is on its way; the others once it was answered, or nearly.
      if (round > 1) await sent;
      await mortal.restart('SIGKILL');
      const status = await sent;
      const held = await heldBy(mortal, device);
      const events = await eventsOf(mortal, device);
      expect(events).toEqual(held.map(() => 'attached'));
      if (status === 200) expect(held).toHaveLength(1);
      for (const one of held) expect(one).toMatchObject({ supplier: { name: 'Acme' }, supplyPoint: code });
      const id = await deviceId(mortal, device);
      const relations = await api<unknown[]>(mortal, `/api/relations?toId=${id}&toType=DEVICE`);
      expect(relations).toHaveLength(held.length === 0 ? 0 : 2);
      seen[held.length === 0 ? 'not' : 'attached']++;
    }
    expect(seen.attached).toBeGreaterThanOrEqual(2);
  });

  it('case 70: after five wrong keys in a minute the device is told to wait, the right key included', async () => {
    const token = await newDevice(broker, 'case-70');
    for (let attempt = 0; attempt < 5; attempt++) {
      await send(broker, token, { Power_supplier_secret_key: `wrong ${attempt}`, CUPS: CUPS[3] });
    }
    await send(broker, token, { Power_supplier_secret_key: key, CUPS: CUPS[3] });
    expect(await replyTo(broker, 'case-70')).toEqual({ status: 'refused', reason: 'rate-limited' });
    expect(await heldBy(broker, 'case-70')).toEqual([]);
  });

  it('case 71: the secret is in no log line, trace, counter, metric, answer or file', async () => {
    const wrong = 'wrong-and-yet-secret-0123456789';
    const token = await newDevice(broker, 'case-71');
    const traces = await traced(broker, 'case-71', async () => {
      await send(broker, token, { Power_supplier_secret_key: wrong, CUPS: CUPS[3], deep: { password: wrong } });
      await send(broker, token, {
        Power_supplier_secret_key: key,
        CUPS: 'ES1234123456789012JX',
        list: [{ token: key }],
      });
    });
    expect(traces.length).toBeGreaterThan(0);
    const metrics = await fetch(`${broker.url}/metrics`, {
      headers: { 'X-Authorization': `ApiKey ${broker.adminKey}` },
    });
    const said = [
      JSON.stringify(traces),
      JSON.stringify(await api(broker, '/api/gridmoor/chains/onboarding/counters')),
      JSON.stringify(await attributes(broker, 'case-71', 'CLIENT_SCOPE')),
      JSON.stringify(await attributes(broker, 'case-71', 'SHARED_SCOPE')),
      await metrics.text(),
      ...broker.stdout,
      ...broker.stderr,
    ].join('\n');
    const files = readdirSync(broker.dataDir, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
    const stored = files.map((one) => readFileSync(join(one.parentPath, one.name)));
    for (const secret of [key, wrong]) {
      expect(said).not.toContain(secret);
      for (const bytes of stored) expect(bytes.includes(secret)).toBe(false);
    }
  });

  it('case 74: a dry run without a network takes the way that the broker takes', async () => {
    const token = await newDevice(broker, 'case-74');
    const cases = [
      { attributes: { firmware: '1.4.2' } },
      { attributes: { Power_supplier_secret_key: key, CUPS: 'ES0031405123456789FG' } },
      { attributes: { Power_supplier_secret_key: key, CUPS: 'ES1234123456789012JX' } },
    ];
    const suppliers = [{ name: 'Acme Energía', keys: [key] }];
    const given = join(mkdtempSync(join(tmpdir(), 'gridmoor-given-')), 'given.json');
    writeFileSync(given, JSON.stringify({ suppliers }));
    for (const message of cases) {
      const live = await traced(broker, 'case-74', () => send(broker, token, message.attributes));
      const dry = execFileSync(
        process.execPath,
        ['dist/main.js', 'chain', 'explain', 'rule-chains', '--json', '--given', given, '--file', '-'],
        { input: JSON.stringify({ from: 'case-74', ...message }), encoding: 'utf8' },
      );
      const { messages } = JSON.parse(dry) as { messages: Traced[] };
      const newest = live.find(({ type }) => type === 'POST_ATTRIBUTES_REQUEST');
      expect(messages.map(wayOf)).toEqual([wayOf(newest ?? { id: '', type: '', steps: [] })]);
    }
  });
});
