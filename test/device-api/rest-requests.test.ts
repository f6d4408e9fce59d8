import { describe, expect, it } from 'vitest';
import { TENANT_ORIGINATOR } from '../../src/device-api/entity-makers.ts';
import { createRestRequests } from '../../src/device-api/rest-requests.ts';
import type { MessageEnd } from '../../src/device-api/work.ts';

const request = { originator: TENANT_ORIGINATOR, data: { a: 1 }, timeoutMs: 60_000 };

/** Requests whose messages go nowhere, or end as told. */
function setup(end?: MessageEnd) {
  const ids: string[] = [];
  const events: unknown[] = [];
  const requests = createRestRequests({
    raise(event, _hops, done) {
      events.push(event);
      ids.push(event.metadata.requestUUID ?? '');
      if (end) done?.(end);
    },
    runAt: (at, event) => events.push({ at, ...event }),
    instanceId: 'g-1',
    clock: { now: () => 1_000, monotonic: () => 0 },
    maxWaiting: 2,
  });
  return { requests, ids, events };
}

describe('requests over REST', () => {
  it('of another type begin at their own node, and wait for the same answer', async () => {
    const { requests, events } = setup();
    const entry = { type: 'PROVISION_REQUEST', at: { chain: 'gate', node: 'look' } } as const;
    const pushed = requests.push({ ...request, entry });
    expect(events).toMatchObject([{ type: 'PROVISION_REQUEST', at: entry.at, metadata: { serviceId: 'g-1' } }]);
    const [{ metadata }] = events as [{ metadata: { requestUUID: string } }];
    expect(requests.answer(metadata.requestUUID, { allow: true })).toBe(true);
    expect(await pushed).toEqual({ kind: 'answered', body: { allow: true } });
  });

  it('run as REST_API_REQUEST with the metadata that say which', async () => {
    const { requests, ids, events } = setup();
    const pushed = requests.push(request);
    const metadata = { serviceId: 'g-1', requestUUID: ids[0], expirationTime: '61000' };
    expect(events).toMatchObject([{ type: 'REST_API_REQUEST', data: { a: 1 }, metadata }]);
    expect(requests.answer(ids[0] ?? '', [1])).toBe(true);
    expect(await pushed).toEqual({ kind: 'answered', body: [1] });
  });

  it('are answered once', async () => {
    const { requests, ids } = setup('done');
    const pushed = requests.push(request);
    expect(['other', ids[0] ?? '', ids[0] ?? ''].map((id) => requests.answer(id, id))).toEqual([false, true, false]);
    expect(await pushed).toEqual({ kind: 'answered', body: ids[0] });
  });

  it('wait up to a number; room is there again after an answer', async () => {
    const { requests, ids } = setup();
    const waiting = [requests.push(request), requests.push(request)];
    expect(await requests.push(request)).toEqual({ kind: 'busy' });
    requests.answer(ids[0] ?? '', null);
    await waiting[0];
    waiting.push(requests.push(request));
    requests.stop();
    expect(await Promise.all(waiting.slice(1))).toEqual([{ kind: 'shutting-down' }, { kind: 'shutting-down' }]);
    expect(await requests.push(request)).toEqual({ kind: 'shutting-down' });
  });

  it.each(['busy', 'failed'] as const)('end at once when the message is %s', async (kind) => {
    expect(await setup(kind).requests.push(request)).toEqual({ kind });
  });

  it('end when their time is over', async () => {
    expect(await setup().requests.push({ ...request, timeoutMs: 1 })).toEqual({ kind: 'timeout' });
  });
});
