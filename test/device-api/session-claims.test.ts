import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { SessionRegistry } from '../../src/cluster/session-registry.ts';
import { SessionClaims } from '../../src/device-api/session-claims.ts';
import { type CloseReason, type LiveSession, Sessions } from '../../src/device-api/sessions.ts';
import type { Device } from '../../src/model/device.ts';
import type { DeviceId } from '../../src/model/ids.ts';
import { createLog } from '../../src/observe/index.ts';
import { eventually } from '../chaos/eventually.ts';
import { type Member, member } from '../cluster/redis/world.ts';
import { startRedis, type TestRedis } from '../helpers/redis.ts';

const ID = '784f394c-42b6-435a-983c-b7beff2784f9' as DeviceId;
const login = (): Device => ({ id: ID, name: 'm1', profile: 'meter', createdAt: 0 }) as unknown as Device;

interface Broker extends Member {
  readonly claims: SessionClaims;
  readonly live: Sessions;
  readonly closed: CloseReason[];
  settle: () => Promise<void>;
}

describe('session claims over two instances', () => {
  let redis: TestRedis;
  let brokers: Broker[] = [];
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterEach(async () => {
    await Promise.all(brokers.map((one) => one.close()));
    brokers = [];
    await redis.client.flushall();
  });
  afterAll(() => redis[Symbol.asyncDispose]());

  const broker = async (
    beforeAnswer: () => Promise<void> = async () => {},
    beforeFence: () => Promise<void> = async () => {},
  ): Promise<Broker> => {
    const joined = await member(redis);
    const live = new Sessions();
    const log = createLog({ level: 'silent' });
    const { bus, instances } = joined;
    const registry: SessionRegistry = {
      ...joined.sessions,
      async claim(device) {
        const claim = await joined.sessions.claim(device);
        await beforeAnswer();
        return claim;
      },
      async fence(...args) {
        await beforeFence();
        return joined.sessions.fence(...args);
      },
    };
    const one: Broker = Object.assign(
      { ...joined },
      { live, closed: [] as CloseReason[], settle: async () => {} },
    ) as never;
    const claims = new SessionClaims({
      registry,
      bus,
      instances,
      sessions: live,
      settled: () => one.settle(),
      onClaimed() {},
      log,
    });
    brokers.push(Object.assign(one, { claims }));
    return one;
  };

  /** What a front does with a login; gives the session when it opened. */
  const open = async (at: Broker): Promise<LiveSession | undefined> => {
    const device = login();
    if (!(await at.claims.claim(device))) return undefined;
    const session: LiveSession = {
      device,
      since: 0,
      link: {
        send: () => true,
        close(reason) {
          at.closed.push(reason);
          at.live.closed(session);
          void at.claims.closed(session);
        },
      },
    };
    if (!at.claims.opened(session)) {
      session.link.close('taken-over');
      return undefined;
    }
    at.live.open(session);
    return session;
  };

  it('a login elsewhere ends the session before it goes on', async () => {
    const [a, b] = [await broker(), await broker()];
    await open(a);
    await open(b);
    expect(a.closed).toEqual(['taken-over']);
    expect([a.live.size, b.live.size]).toEqual([0, 1]);
    expect(await a.sessions.owner(ID)).toBe(b.bus.self);
  });

  it('a login waits until everything has its outcome that the former session sent', async () => {
    const [a, b] = [await broker(), await broker()];
    await open(a);
    const order: string[] = [];
    let settle = (): void => {};
    a.settle = () =>
      new Promise((resolve) => {
        settle = () => {
          if (order.length === 0) order.push('outcome');
          resolve();
        };
        setTimeout(settle, 200);
      });
    await open(b);
    order.push('open');
    expect(order).toEqual(['outcome', 'open']);
  });

  it('of logins at the same time on both, one session is left', async () => {
    const [a, b] = [await broker(), await broker()];
    for (let round = 0; round < 100; round++) {
      await Promise.all([open(a), open(b), open(a), open(b)]);
      expect(a.live.size + b.live.size).toBe(1);
      const owner = a.live.size === 1 ? a : b;
      expect(await a.sessions.owner(ID)).toBe(owner.bus.self);
    }
  });

  it('a login whose claim is taken while its answer is on the way opens no session', async () => {
    let answer = (): void => {};
    const held = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const [a, b] = [await broker(() => held), await broker()];
    const opening = open(a);
    await eventually('it is claimed', async () => (await b.sessions.owner(ID)) !== undefined, 5_000);
    await open(b);
    answer();
    expect(await opening).toBeUndefined();
    expect([a.live.size, b.live.size]).toEqual([0, 1]);
  });

  it('a session that ends gives its claim back, an older one does not', async () => {
    const [a, b] = [await broker(), await broker()];
    const first = await open(a);
    const second = await open(a);
    first?.link.close('shutting-down');
    await a.claims.settled();
    expect(await b.sessions.owner(ID)).toBe(a.bus.self);
    second?.link.close('shutting-down');
    await a.claims.settled();
    expect(await b.sessions.owner(ID)).toBeUndefined();
  });

  it('the end of a session that another instance has taken is no end of the device’s connection', async () => {
    const [a, b] = [await broker(), await broker()];
    const first = await open(a);
    if (!first) throw new Error('no session');
    const gone: unknown[] = [];
    const closed = a.claims.closed.bind(a.claims);
    a.claims.closed = (session) => {
      const answer = closed(session);
      gone.push(answer);
      return answer;
    };
    await open(b);
    expect(await Promise.all(gone)).toEqual([false]);
  });

  const MARKER = `{${ID}}:alive`;
  /** Opens a session there; gives the epoch of what it writes. */
  const epochOf = async (at: Broker): Promise<number | undefined> =>
    at.claims.markOf((await open(at))?.device as Device)?.epoch;

  it('a login is fenced before it goes on; what a former one at the same instance still writes is taken', async () => {
    const [a, b] = [await broker(), await broker()];
    await redis.client.set(MARKER, 1);
    const first = await epochOf(a);
    expect(await redis.client.get(MARKER)).toBe(`${first}`);
    const second = await epochOf(a);
    expect(await redis.client.get(MARKER)).toBe(`${second} ${first}`);
    const elsewhere = await epochOf(b);
    expect(await redis.client.get(MARKER)).toBe(`${elsewhere}`);
    expect(second).toBeLessThan(elsewhere ?? 0);
    expect(a.claims.markOf(login())).toBeUndefined();
  });

  it('so is what a session that has ended still writes, until it has its outcome', async () => {
    const a = await broker();
    await redis.client.set(MARKER, 1);
    let settle = (): void => {};
    a.settle = () => new Promise((resolve) => (settle = resolve));
    const first = await epochOf(a);
    a.live.get(ID)?.link.close('shutting-down');
    await a.claims.settled();
    const second = await epochOf(a);
    expect(await redis.client.get(MARKER)).toBe(`${second} ${first}`);
    const settleFirst = settle;
    a.live.get(ID)?.link.close('shutting-down');
    await a.claims.settled();
    settleFirst();
    const third = await epochOf(a);
    expect(await redis.client.get(MARKER)).toBe(`${third} ${first}`);
    a.live.get(ID)?.link.close('shutting-down');
    await a.claims.settled();
    settle();
    const last = await epochOf(a);
    expect(await redis.client.get(MARKER)).toBe(`${last}`);
  });

  it('what was not written before the device was elsewhere is not taken when it is back, though it is nowhere between', async () => {
    const [a, b] = [await broker(), await broker()];
    await redis.client.set(MARKER, 1);
    a.settle = () => new Promise(() => {}); // its writes wait for Redis
    b.instances.suspect(a.bus.self); // and nobody waits for it
    const first = await epochOf(a);
    const elsewhere = await epochOf(b);
    b.live.get(ID)?.link.close('shutting-down');
    await b.claims.settled();
    const back = await epochOf(a);
    expect(await redis.client.get(MARKER)).toBe(`${back}`);
    expect([first, elsewhere, back]).toEqual([first, elsewhere, back].sort());
  });

  it('a write that is refused ends the session that it came from, once, and no newer one', async () => {
    const a = await broker();
    const first = a.claims.markOf((await open(a))?.device as Device);
    await open(a);
    expect(a.closed).toEqual(['taken-over']);
    first?.refuse();
    expect([first?.stale, a.live.size]).toEqual([true, 1]);
    const mark = a.claims.markOf(a.live.get(ID)?.device as Device);
    mark?.refuse();
    mark?.refuse();
    expect([mark?.stale, a.closed, a.live.size]).toEqual([true, ['taken-over', 'taken-over'], 0]);
  });

  it('a login behind whose claim a newer one has been fenced opens no session', async () => {
    const a = await broker();
    await redis.client.set(`{${ID}}:alive`, 1);
    // A newer login comes to the other one between the claim and the fence.
    const b = await broker(undefined, async () => void (await open(a)));
    expect(await open(b)).toBeUndefined();
    expect([a.live.size, b.live.size]).toEqual([1, 0]);
    expect(await a.sessions.owner(ID)).toBe(a.bus.self);
  });

  it('an instance that does not answer holds a login up for a second at most, and the next not at all', async () => {
    const [a, b] = [await broker(), await broker()];
    await open(a);
    await a.bus.close();
    const before = performance.now();
    await open(b);
    expect(performance.now() - before).toBeLessThan(2_000);
    expect(b.live.size).toBe(1);
  });

  it('an instance that counts as gone holds no login up, and hears of it all the same', async () => {
    const [a, b] = [await broker(), await broker()];
    await open(a);
    b.instances.suspect(a.bus.self);
    const heard = new Promise((resolve) => a.bus.subscribe(({ type }) => type === 'kick' && resolve(type)));
    expect(await open(b)).toBeDefined();
    expect(await heard).toBe('kick');
    await vi.waitFor(() => expect(a.closed).toEqual(['taken-over']));
  });

  it('after the registry was lost, sessions stand there again, unless another instance has the device', async () => {
    const [a, b] = [await broker(), await broker()];
    await open(a);
    await redis.client.flushall();
    expect(await a.claims.confirm()).toEqual([ID]);
    expect(await b.sessions.owner(ID)).toBe(a.bus.self);
    await redis.client.flushall();
    await b.sessions.claim(ID);
    expect(await a.claims.confirm()).toEqual([]);
    expect(a.closed).toEqual(['taken-over']);
  });
});
