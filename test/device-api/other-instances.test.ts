import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { localSessions } from '../../src/cluster/local.ts';
import { alarmsElsewhere, ownsMessage, stateElsewhere } from '../../src/device-api/other-instances.ts';
import type { DeviceId } from '../../src/model/ids.ts';
import { eventually } from '../chaos/eventually.ts';
import { type Member, member } from '../cluster/redis/world.ts';
import { hearing } from '../conformance/cluster/bus.ts';
import { startRedis, type TestRedis } from '../helpers/redis.ts';

const ID = '784f394c-42b6-435a-983c-b7beff2784f9' as DeviceId;
const AT = { chain: 'root', node: 'rules' };

describe('what instances do for each other', () => {
  let redis: TestRedis;
  let members: Member[] = [];
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterEach(async () => {
    await Promise.all(members.map((one) => one.close()));
    members = [];
    await redis.client.flushall();
  });
  afterAll(() => redis[Symbol.asyncDispose]());

  const join = async (): Promise<Member> => {
    const one = await member(redis);
    members.push(one);
    return one;
  };
  const alarmsOf = (one: Member) => alarmsElsewhere({ registry: one.sessions, bus: one.bus, instances: one.instances });

  it('alone, everything is done here', async () => {
    const a = await join();
    const { bus, instances } = a;
    expect(ownsMessage(localSessions, bus.self, instances)('whatever')).toBe(true);
    expect(await alarmsElsewhere({ registry: localSessions, bus, instances }).takes(ID, AT)).toBe(false);
    expect(stateElsewhere(localSessions, bus, instances).shared).toBe(false);
  });

  it('a stored message goes on where it was stored; one of a dead instance where one leads', async () => {
    const [a, b] = [await join(), await join()];
    const [ofA, ofB] = [a, b].map(({ sessions, bus, instances }) => ownsMessage(sessions, bus.self, instances)) as [
      (id: string) => boolean,
      (id: string) => boolean,
    ];
    await eventually('a knows b', () => a.instances.others.length === 1, 5_000);
    const idOf = (one: Member) => `${one.bus.self}-m1abc-7`;
    expect([ofA(idOf(a)), ofB(idOf(a))]).toEqual([true, false]);
    expect([ofA(idOf(b)), ofB(idOf(b))]).toEqual([false, true]);
    const slot = `root/dedup~${ID}~1790000000000`;
    expect([ofA(slot), ofB(slot)]).toEqual([true, false]);
    expect([ofA('old-broker.k1.ff-m1abc-7'), ofB('old-broker.k1.ff-m1abc-7')]).toEqual([true, false]);
    await b.instances.close();
    await eventually('a knows that b has gone', () => ofA(idOf(b)), 5_000);
  });

  it('alarm rules that are due are evaluated where the device is, else where one leads', async () => {
    const [a, b] = [await join(), await join()];
    const [atA, atB] = [alarmsOf(a), alarmsOf(b)];
    const due: string[] = [];
    atA.onDue(() => due.push('a'));
    atB.onDue(() => due.push('b'));
    expect(await atA.takes(ID, AT)).toBe(false); // a leads
    expect(await atB.takes(ID, AT)).toBe(true);
    await eventually('a evaluates', () => due.length === 1, 5_000);
    await b.sessions.claim(ID);
    expect(await atB.takes(ID, AT)).toBe(false);
    expect(await atA.takes(ID, AT)).toBe(true);
    await eventually('b evaluates', () => due.length === 2, 5_000);
    expect(due).toEqual(['a', 'b']);
  });

  it('the state of a device is looked at where its session is', async () => {
    const [a, b] = [await join(), await join()];
    const state = stateElsewhere(a.sessions, a.bus, a.instances);
    expect([state.shared, state.leads]).toEqual([true, true]);
    expect(await state.check(ID)).toBe(false);
    await b.sessions.claim(ID);
    const atB = hearing(b.bus);
    expect(await state.check(ID)).toBe(true);
    expect((await atB.count(1))[0]?.message).toEqual({ type: 'check-state', device: ID });
    await a.sessions.claim(ID);
    expect(await state.check(ID)).toBe(false);
  });
});
