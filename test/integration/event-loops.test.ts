import { expect, it } from 'vitest';
import { startBroker } from '../helpers/broker.ts';
import { tempFolder } from '../helpers/chain-kit.ts';
import { api, newDevice } from '../helpers/system.ts';

interface Letter {
  readonly node: string;
  readonly msgType: string;
  readonly reason: string;
}

const first = {
  'by-type': {
    kind: 'filter/msg-type-switch',
    to: { 'Post telemetry': 'begin', 'Attributes Updated': 'begin', 'Alarm Cleared': 'begin', 'Entity Created': 'end' },
  },
};
const chainOf = (nodes: object) => ({ name: 'main', root: true, first: 'by-type', nodes: { ...first, ...nodes } });

/** The dead letters that one reading leaves behind. */
async function lettersOf(nodes: object): Promise<readonly Letter[]> {
  await using folder = await tempFolder({ 'main.json': JSON.stringify(chainOf(nodes)) });
  await using broker = await startBroker({ chainsDir: folder.path });
  const token = await newDevice(broker, 'm1');
  const answer = await fetch(`${broker.url}/api/v1/${token}/telemetry`, { method: 'POST', body: '{"n":1}' });
  expect(answer.status).toBe(200);
  const letters = async () => (await api<{ data: Letter[] }>(broker, '/api/gridmoor/dead-letters?pageSize=100')).data;
  await expect.poll(letters).toHaveLength(1);
  return await letters();
}

it('attributes that are written because attributes were written come to an end, with a reason', async () => {
  const script = "return { msg: { n: msg.n + 1 }, metadata: {}, msgType: 'POST_ATTRIBUTES_REQUEST' };";
  const [letter] = await lettersOf({
    begin: { kind: 'transform/script', config: { jsScript: script }, to: { Success: 'save' } },
    save: {
      kind: 'action/save-attributes',
      config: { scope: 'SERVER_SCOPE', sendAttributesUpdatedNotification: true },
    },
    end: { kind: 'action/log' },
  });
  expect(letter).toMatchObject({ node: 'by-type', msgType: 'ATTRIBUTES_UPDATED' });
  expect(letter?.reason).toMatch(/^EVENT_LIMIT: the chains raised more than 16 events in a row/);
});

it('an alarm that is cleared because it was raised, and raised because it was cleared, comes to an end', async () => {
  const alarm = { alarmType: 'Loop' };
  const [letter] = await lettersOf({
    begin: { kind: 'action/create-alarm', config: { ...alarm, severity: 'MINOR' } },
    end: { kind: 'action/clear-alarm', config: alarm },
  });
  expect(letter).toMatchObject({ node: 'by-type', reason: expect.stringMatching(/^EVENT_LIMIT/) });
});
