import { readdirSync, readFileSync } from 'node:fs';
import { Agent, type ClientRequest, request } from 'node:http';
import { describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../helpers/broker.ts';
import { deviceId, latest, newDevice, requestOf } from '../helpers/system.ts';

const seconds = Number(process.env.FUZZ_SECONDS ?? 15);
const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 1_000_000);
const SLOW_MS = 500;
const GROWTH_BYTES = 200 * 1024 * 1024;

/** Mulberry32: a run is repeated by its seed. */
function randomFrom(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

interface Target {
  readonly path: string;
  readonly bodies: readonly string[];
  readonly admin?: boolean;
  /** Statuses that are an answer; anything else is a fault of the broker. */
  readonly statuses: readonly number[];
  /** 200 must mean that the body was JSON. */
  readonly strict?: boolean;
}

const PIECES = [
  ...['{', '}', '[', ']', '"', ':', ',', '\\', '\\u0000', '\\ud800', '\u0000', '\u2028', '\ufeff', 'null', 'NaN', '//'],
  ...['"__proto__":', '"constructor":', '"ts":', '"values":', '-0', '1e999', '0.1e-400', '9007199254740993', '00'],
  ...['9'.repeat(400), '['.repeat(300), '{"a":'.repeat(300), 'é'.repeat(200), '"k":'.repeat(50), 'x'.repeat(3_000)],
].map((text) => Buffer.from(text));

/** One to six changes to bytes that were right. */
function mutated(body: Buffer, random: () => number): Buffer {
  const at = (length: number): number => Math.floor(random() * (length + 1));
  let bytes = body;
  for (let left = Math.floor(random() * 6); left >= 0; left--) {
    const from = at(bytes.length);
    const to = Math.min(bytes.length, from + at(20));
    const kind = Math.floor(random() * 7);
    const piece = PIECES[Math.floor(random() * PIECES.length)] ?? Buffer.alloc(0);
    if (kind === 0 && bytes.length > 0) {
      bytes = Buffer.from(bytes);
      bytes[from % bytes.length] = Math.floor(random() * 256);
    } else if (kind === 1) bytes = Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
    else if (kind === 2) bytes = Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)]);
    else if (kind === 3) bytes = bytes.subarray(0, from);
    else if (kind === 4 && random() < 0.05)
      bytes = Buffer.concat(Array.from({ length: 40 }, () => bytes)).subarray(0, 90_000);
    else bytes = Buffer.concat([bytes.subarray(0, from), piece, bytes.subarray(from)]);
  }
  return bytes;
}

interface Sent {
  readonly status: number;
  readonly ms: number;
}

interface Shot {
  readonly target: Target;
  readonly body: Buffer;
  readonly headers: Readonly<Record<string, string | number>>;
}

/** Undefined when the broker closed the connection, which it may after a body that is too large. */
function send(broker: Broker, agent: Agent, { target, body, headers }: Shot): Promise<Sent | undefined> {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const call: ClientRequest = request(
      { agent, host: '127.0.0.1', port: broker.ports.http, method: 'POST', path: target.path, headers },
      (response) => {
        response.resume();
        response.on('error', () => resolve(undefined));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, ms: performance.now() - start }));
      },
    );
    call.setTimeout(20_000, () =>
      reject(new Error(`no answer: ${target.path} ${JSON.stringify(body.toString('latin1'))}`)),
    );
    call.on('error', () => resolve(undefined));
    call.end(body);
  });
}

/** Announces more than it brings, and goes. */
function breakOff(broker: Broker, { target, body }: Shot): Promise<void> {
  return new Promise((resolve) => {
    const headers = { 'content-length': body.length + 1_000 };
    const call = request({ host: '127.0.0.1', port: broker.ports.http, method: 'POST', path: target.path, headers });
    call.on('error', () => {});
    call.on('close', () => resolve());
    call.write(body, () => call.destroy());
  });
}

const openFiles = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;
const residentBytes = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;

const isJson = (body: Buffer): boolean => {
  try {
    JSON.parse(body.toString('utf8'));
    return true;
  } catch {
    return false;
  }
};

describe.runIf(process.platform === 'linux')('HTTP bodies made by chance', () => {
  it(`are answered or refused for ${seconds} s: no fault, no leak, no slow answer (FUZZ_SEED=${seed})`, {
    timeout: seconds * 1000 + 60_000,
  }, async () => {
    const unlimited = '1000000:1';
    await using broker = await startBroker({
      env: {
        GRIDMOOR_FREE_REFUSALS: '1000000',
        GRIDMOOR_DEVICE_MESSAGES: unlimited,
        GRIDMOOR_DEVICE_TELEMETRY_MESSAGES: unlimited,
        GRIDMOOR_DEVICE_TELEMETRY_DATA_POINTS: unlimited,
      },
    });
    const token = await newDevice(broker, 'fuzzed');
    await newDevice(broker, 'bystander');
    const id = await deviceId(broker, 'fuzzed');
    const values = [
      '{"t":25.1,"on":true,"s":"text"}',
      '{"ts":1700000000000,"values":{"t":1}}',
      '[{"a":1},{"b":{"c":[1]}}]',
    ];
    // 500 is the device API's word for all that it does not take (thingsboard-device-api 6.1).
    const device = [200, 413, 500];
    const admin = [200, 201, 204, 400, 404, 409, 413, 415, 422];
    const targets: readonly Target[] = [
      { path: `/api/v1/${token}/telemetry`, bodies: values, statuses: device, strict: true },
      { path: `/api/v1/${token}/attributes`, bodies: values, statuses: device, strict: true },
      { path: `/api/v1/${token}/claim`, bodies: ['{"secretKey":"s","durationMs":60000}'], statuses: device },
      { path: `/api/v1/${token}/rpc/1`, bodies: ['{"ok":true}'], statuses: device },
      {
        path: '/api/v1/provision',
        bodies: [requestOf(broker, { deviceName: 'made', token: 'token-made-0123456789' }), requestOf(broker, {})],
        statuses: device,
        strict: true,
      },
      { path: `/api/plugins/telemetry/DEVICE/${id}/SHARED_SCOPE`, bodies: values, admin: true, statuses: admin },
      { path: `/api/plugins/telemetry/DEVICE/${id}/timeseries/ANY`, bodies: values, admin: true, statuses: admin },
      { path: '/api/gridmoor/devices', bodies: ['{"name":"n","profile":"smart-meter"}'], admin: true, statuses: admin },
      { path: '/api/gridmoor/suppliers', bodies: ['{"name":"Sol"}'], admin: true, statuses: admin },
    ];
    const random = randomFrom(seed);
    const pick = <T>(all: readonly [T, ...T[]] | readonly T[]): T => all[Math.floor(random() * all.length)] as T;
    const shot = (): Shot => {
      const target = pick(targets);
      const body = mutated(Buffer.from(pick(target.bodies)), random);
      const headers = {
        'content-length': body.length,
        'content-type': pick(['application/json', 'text/plain', 'application/json; charset=utf-16', 'x']),
        ...(target.admin ? { 'content-type': 'application/json', 'x-authorization': `ApiKey ${broker.adminKey}` } : {}),
      };
      return { target, body, headers };
    };

    const agent = new Agent({ keepAlive: true, maxSockets: 8 });
    for (const target of targets) {
      const headers = { 'content-type': 'application/json', 'x-authorization': `ApiKey ${broker.adminKey}` };
      await send(broker, agent, { target, body: Buffer.from(target.bodies[0] ?? ''), headers });
    }
    const filesBefore = openFiles(broker.pid);
    const bytesBefore = residentBytes(broker.pid);
    const faults: string[] = [];
    const slow: Shot[] = [];
    const statuses = new Map<number, number>();
    const until = performance.now() + seconds * 1000;
    const worker = async (): Promise<void> => {
      while (performance.now() < until && faults.length === 0) {
        const one = shot();
        if (random() < 0.02) {
          await breakOff(broker, one);
          continue;
        }
        const sent = await send(broker, agent, one);
        if (sent === undefined) continue;
        statuses.set(sent.status, (statuses.get(sent.status) ?? 0) + 1);
        const { path, strict } = one.target;
        const is = `${path} ${JSON.stringify(one.body.toString('latin1')).slice(0, 2_000)} was ${sent.status}`;
        if (!one.target.statuses.includes(sent.status)) faults.push(is);
        if (strict && sent.status === 200 && !isJson(one.body)) faults.push(`no JSON, yet ${is}`);
        if (sent.ms > SLOW_MS && slow.length < 100) slow.push(one);
      }
    };
    await Promise.all(Array.from({ length: 8 }, worker));
    expect(faults).toEqual([]);
    const total = [...statuses.values()].reduce((sum, count) => sum + count, 0);
    expect(total).toBeGreaterThan(seconds * 20);
    // Both kinds of answers came, or the fuzz reached nothing.
    expect(statuses.get(200)).toBeGreaterThan(0);
    expect(statuses.get(500)).toBeGreaterThan(0);

    // A busy machine is slow at times; a slow request is slow each time.
    for (const one of slow) {
      const times: number[] = [];
      for (let turn = 0; turn < 3; turn++) times.push((await send(broker, agent, one))?.ms ?? 0);
      expect(Math.min(...times), one.target.path).toBeLessThan(SLOW_MS);
    }
    agent.destroy();
    await expect.poll(() => openFiles(broker.pid), { timeout: 10_000 }).toBeLessThanOrEqual(filesBefore);
    expect(residentBytes(broker.pid) - bytesBefore).toBeLessThan(GROWTH_BYTES);
    expect(await latest(broker, 'bystander')).toEqual({});
    const ours = broker.logs().filter(({ level }) => level === 'error' || level === 'fatal');
    expect(ours).toEqual([]);
    const alive = await fetch(`${broker.url}/readyz`);
    expect(alive.status).toBe(200);
  });
});
