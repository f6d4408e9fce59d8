import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MqttClient } from '../../helpers/mqtt-client.ts';
import { withLoad } from '../../helpers/with-load.ts';
import { eventually } from '../eventually.ts';
import { type Bed, makeBed, SEED, WORKS } from './bed.ts';
import type { Member } from './rig.ts';

const FAULTS = new URL('../faults.js', import.meta.url).href;
const HOUR_MS = 3_600_000;
const STEPS = [
  ['an hour ahead', HOUR_MS],
  ['an hour back', -HOUR_MS],
  ['ten years ahead', 87_660 * HOUR_MS],
  ['right again', 0],
] as const;
/** Of the old generation of each broker, MiB: little more than it needs at rest. */
const HEAP_MIB = 96;
/** Descriptors that are left to a broker beside those it has. */
const SPARE = 6;
/** More than are spare and those of the load that may end meanwhile. */
const CROWD = 80;
/** Devices that send as much as they may. */
const LOUD = process.env.CHAOS_LONG ? 200 : 100;

for (const work of WORKS) {
  describe(`chaos: the process is in trouble, ${work.name} (CHAOS_SEED=${SEED})`, () => {
    const dir = mkdtempSync(join(tmpdir(), 'gridmoor-faults-'));
    const orders = (member: number): string => join(dir, `broker-${member}.json`);
    let bed: Bed;
    beforeAll(async () => {
      bed = await makeBed(work, {
        envOf: (member) => ({
          NODE_OPTIONS: `--import=${FAULTS} --max-old-space-size=${HEAP_MIB}`,
          CHAOS_FAULTS: orders(member),
        }),
      });
    });
    afterAll(async () => {
      await bed[Symbol.asyncDispose]();
      rmSync(dir, { recursive: true });
    });

    /** Tells the faults in that broker what to do. */
    function order(member: number, faults: object): void {
      writeFileSync(orders(member), JSON.stringify(faults));
      process.kill(memberOf(bed, member).broker.pid, 'SIGUSR2');
    }

    for (const [words, clockMs] of STEPS) {
      it(`F18 the clock of one broker is ${words}, then of the other: no session ends, and work goes on`, async () => {
        const { closed } = bed.fleet.progress;
        for (const member of [0, 1]) {
          order(member, { clockMs });
          const tookMs = await bed.goesOn(2);
          expect(tookMs).toBeLessThan(withLoad(5_000));
        }
        await bed.rig.ready();
        expect(bed.fleet.progress.closed).toBe(closed);
      });
    }

    it('F22 the event loop of a broker stands still for 0.7 s, again and again: no session ends', async () => {
      const { rig, fleet } = bed;
      const steady = await rig.fleet({
        ...{ seed: SEED + 1, groups: 10, messages: 10_000, parallel: 10, window: 1, shape: 'alone', prefix: 'steady' },
        ...{ paceMs: 300, keepaliveS: 2 },
      });
      await steady.until(({ acked }) => acked > 30, 'steady devices at work', 60_000);
      const { closed } = fleet.progress;
      for (let block = 0; block < 4; block++) {
        order(0, { blockMs: 700 });
        await pause(900);
      }
      await bed.goesOn();
      expect(memberOf(bed, 0).broker.stdout.join('\n')).toMatch(/"process\.stalled"/);
      expect(fleet.progress.closed).toBe(closed);
      expect(steady.progress.closed).toBe(0);
      await steady.stop(60_000);
    });

    it('F20 no descriptor is left: who is connected works on, nobody else is let in, and all come back when there are some', async () => {
      const broker = memberOf(bed, 0).broker;
      const before = readLimit(broker.pid);
      const limit = openFiles(broker.pid) + SPARE;
      setLimit(broker.pid, limit);
      const crowd: MqttClient[] = [];
      try {
        const tries = Array.from({ length: CROWD }, () => MqttClient.raw({ port: broker.ports.mqtt }));
        for (const one of await Promise.allSettled(tries)) if (one.status === 'fulfilled') crowd.push(one.value);
        await eventually('no descriptor is left', () => openFiles(broker.pid) >= limit - 1, 20_000);
        await bed.goesOn();
        for (const one of crowd) one.sendConnect({ userName: 'provision' });
        const codes = await Promise.allSettled(crowd.map((one) => one.connack()));
        const letIn = codes.filter(({ status }) => status === 'fulfilled').length;
        console.log(`with ${SPARE} descriptors to spare ${letIn} of ${CROWD} are let in`);
        expect(letIn).toBeLessThan(CROWD);
      } finally {
        for (const one of crowd) await one[Symbol.asyncDispose]();
        setLimit(broker.pid, before);
      }
      await bed.rig.ready();
      await bed.goesOn();
    });

    it(`F21 ${HEAP_MIB} MiB of heap, ${LOUD} devices that do not wait, and a Redis that stands still: bounded, and nothing is lost`, async () => {
      const { rig, redis } = bed;
      const crowd = await rig.fleet({
        ...{ seed: SEED + 2, groups: LOUD, messages: 100_000, parallel: LOUD, window: 90, shape: 'alone' },
        prefix: 'crowd',
      });
      await crowd.until(({ acked }) => acked > LOUD * 25, 'a crowd at work', 60_000);
      redis.pause();
      await pause(6_000);
      const peak = Math.max(...(await Promise.all(rig.members.map(({ rssMiB }) => rssMiB()))));
      redis.resume();
      const { acked } = crowd.progress;
      await crowd.until((now) => now.acked > acked + LOUD * 25, 'the crowd goes on', 60_000);
      await rig.ready();
      console.log(`${acked} messages before, ${Math.round(peak)} MiB resident while Redis stood still`);
      await crowd.stop(60_000);
      expect(rig.members.every(({ running }) => running)).toBe(true);
    });

    it('after all of it every invariant holds', () => bed.nothingFound());
  });
}

function memberOf({ rig }: Bed, at: number): Member {
  const member = rig.members[at];
  if (!member) throw new Error('no such broker');
  return member;
}

function readLimit(pid: number): number {
  return Number(/Max open files\s+(\d+)/.exec(readFileSync(`/proc/${pid}/limits`, 'utf8'))?.[1]);
}

/** The soft limit of a process that runs. */
function setLimit(pid: number, descriptors: number): void {
  const { status, stderr } = spawnSync('prlimit', ['--pid', String(pid), `--nofile=${descriptors}:`], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`prlimit: ${stderr}`);
}

const openFiles = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;
