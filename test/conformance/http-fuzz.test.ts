import { Agent, type ClientRequest, request } from 'node:http';
import { describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../helpers/broker.ts';
import { heldBy, INSPECTED, liveBytes, mib, mutated, randomFrom } from '../helpers/fuzz.ts';
import { deviceId, latest, newDevice, requestOf } from '../helpers/system.ts';

const seconds = Number(process.env.FUZZ_SECONDS ?? 15);
const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 1_000_000);
const SLOW_MS = 500;
/** What caches may still fill by after the first quarter of a run. */
const GROWTH_BYTES = 4 * 1024 * 1024;

interface Target {
  readonly path: string;
  readonly bodies: readonly string[];
  readonly admin?: boolean;
  /** Statuses that are an answer; anything else is a fault of the broker. */
  readonly statuses: readonly number[];
  /** 200 must mean that the body was JSON. */
  readonly strict?: boolean;
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
        ...INSPECTED,
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
    const faults: string[] = [];
    const slow: Shot[] = [];
    const statuses = new Map<number, number>();
    let brokenOff = 0;
    const worker = async (until: number): Promise<void> => {
      while (performance.now() < until && faults.length === 0) {
        const one = shot();
        if (random() < 0.02) {
          await breakOff(broker, one);
          brokenOff += 1;
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
    const run = (forSeconds: number): Promise<unknown> => {
      const until = performance.now() + forSeconds * 1000;
      return Promise.all(Array.from({ length: 8 }, () => worker(until)));
    };
    // The start is a broker that is warm: what code and heap need at first is no leak.
    await run(seconds / 4);
    const live = await liveBytes(broker);
    const before = heldBy(broker.pid);
    await run((seconds * 3) / 4);
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
    await expect.poll(() => heldBy(broker.pid).files, { timeout: 10_000 }).toBeLessThanOrEqual(before.files);
    const liveAfter = await liveBytes(broker);
    const after = heldBy(broker.pid);
    console.log(
      `HTTP fuzz: ${total} bodies answered, ${brokenOff} broken off, ${seconds} s, seed ${seed}; ` +
        `live ${mib(live)} -> ${mib(liveAfter)}, resident ${mib(before.memory)} -> ${mib(after.memory)}, descriptors ${before.files} -> ${after.files}`,
    );
    expect(liveAfter).toBeLessThan(live + Math.max(live * 0.05, GROWTH_BYTES));
    expect(await latest(broker, 'bystander')).toEqual({});
    const ours = broker.logs().filter(({ level }) => level === 'error' || level === 'fatal');
    expect(ours).toEqual([]);
    const alive = await fetch(`${broker.url}/readyz`);
    expect(alive.status).toBe(200);
  });
});
