import { describe, expect, it } from 'vitest';
import { type BusMessage, newRunId } from '../../src/cluster/bus.ts';
import { LocalHub } from '../../src/cluster/local.ts';
import { createCarriedAnswers, type DeviceAnswer } from '../../src/device-api/carried-answers.ts';
import type { DeviceId } from '../../src/model/ids.ts';

const [A, B] = ['device-a', 'device-b'] as [DeviceId, DeviceId];
const answer: DeviceAnswer = { call: 7, text: '{"on":true}', json: true };

type Take = (device: DeviceId, answer: DeviceAnswer) => Promise<boolean>;

/** One that asks, among others that say what they are told to; `mute` says nothing at all. */
function setUp(takes: readonly (Take | 'mute')[], waitMs?: number) {
  const hub = new LocalHub();
  const members = takes.map((take, at) => {
    const bus = hub.join(newRunId(`other-${at}`, 1, 'test'));
    const others = createCarriedAnswers({ bus, instances: { others: [] } });
    bus.subscribe((message, from) => {
      if (message.type === 'rpc-answer' && take !== 'mute') void others.answer(message, from, take);
    });
    return bus;
  });
  const bus = hub.join(newRunId('asking', 1, 'test'));
  const others = members.map(({ self }) => {
    const id = self.split('.')[0] ?? '';
    const rest = { version: '1', addresses: {}, draining: false, sessions: 0, silentMs: 0 };
    return { run: self, id, epoch: 1, startedAt: 1, ...rest };
  });
  const answers = createCarriedAnswers({ bus, instances: { others }, ...(waitMs === undefined ? {} : { waitMs }) });
  bus.subscribe((message: BusMessage, from) => {
    if (message.type === 'rpc-answered') answers.hear(message, from);
  });
  return answers;
}

const no: Take = async () => false;

describe('answers that come by another instance', () => {
  it('go to the one whose call it is, as they came', async () => {
    const taken: unknown[] = [];
    const take: Take = async (...args) => taken.push(args) > 0;
    await setUp([no, take, 'mute']).carry(A, answer);
    expect(taken).toEqual([[A, answer]]);
  });

  it('are over when nobody knows the call, or nobody else is there', async () => {
    await setUp([no, no]).carry(A, answer);
    await setUp([]).carry(A, answer);
  });

  it('are refused when they could not be stored, or one says nothing', async () => {
    const broken: Take = () => Promise.reject(new Error('the store is away'));
    await expect(setUp([no, broken]).carry(A, answer)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await expect(setUp([no, 'mute'], 20).carry(A, answer)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  it('are bounded for each device, and there is room again when they are over', async () => {
    const held: ((taken: boolean) => void)[] = [];
    const answers = setUp([() => new Promise((resolve) => held.push(resolve))]);
    const asked = Array.from({ length: 8 }, () => answers.carry(A, answer));
    await expect(answers.carry(A, answer)).rejects.toMatchObject({ code: 'QUEUE_FULL' });
    const other = answers.carry(B, answer);
    await expect.poll(() => held.length).toBe(9);
    for (const end of held) end(true);
    await Promise.all([...asked, other]);
    const again = answers.carry(A, answer);
    await expect.poll(() => held.length).toBe(10);
    held[9]?.(true);
    await again;
  });

  it('one that is too large for the bus is refused', async () => {
    const large = { ...answer, text: 'x'.repeat(5 * 1024 * 1024) };
    await expect(setUp([no]).carry(A, large)).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  });
});
