import { describe, expect, it } from 'vitest';
import { newRunId } from '../../src/cluster/bus.ts';
import { LocalHub } from '../../src/cluster/local.ts';
import { createCarriedReplies } from '../../src/device-api/carried-replies.ts';
import { createServerRpc } from '../../src/device-api/server-rpc.ts';
import type { DeviceId } from '../../src/model/ids.ts';
import { ExactNumber, type JsonValue, stringifyJson } from '../../src/model/json.ts';
import { createLog } from '../../src/observe/index.ts';

const DEVICE = 'device-a' as DeviceId;

/** Instances by these names, each with what waits there. */
function setUp(...names: string[]) {
  const hub = new LocalHub();
  const buses = names.map((name, at) => hub.join(newRunId(name, at, 'test')));
  const infos = buses.map(({ self }, at) => {
    const rest = { version: '1', addresses: {}, draining: false, sessions: 0, silentMs: 0 };
    return { run: self, id: names[at] ?? '', epoch: 1, startedAt: 1, ...rest };
  });
  return buses.map((bus) => {
    const calls = createServerRpc({ timeoutMs: 60_000, maxPerDevice: 5, maxTotal: 5 });
    const requests = new Map<string, (body: JsonValue) => void>();
    const answer = (id: string, body: JsonValue): boolean => {
      requests.get(id)?.(body);
      return requests.delete(id);
    };
    const others = infos.filter(({ run }) => run !== bus.self);
    const log = createLog({ level: 'silent' });
    const replies = createCarriedReplies({ bus, instances: { others }, calls, requests: { answer }, log });
    const call = (sessionId: string, requestId: string): Promise<string> =>
      new Promise((answer) => calls.open({ device: DEVICE, sessionId, requestId, answer }));
    const request = (id: string): Promise<JsonValue> => new Promise((resolve) => requests.set(id, resolve));
    return { replies, call, request };
  });
}

describe('answers of chains', () => {
  it('reach a call where they are made', async () => {
    const [a] = setUp('a');
    const call = a?.call('s', '1');
    a?.replies.toCall(DEVICE, { serviceId: 'a', sessionId: 's', requestId: '1' }, '{"n":1}');
    expect(await call).toBe('{"n":1}');
  });

  it('reach a call, and a request, of another instance; numbers keep their text', async () => {
    const [a, , b] = setUp('a', 'c', 'b');
    const call = b?.call('s', '1');
    const request = b?.request('r');
    a?.replies.toCall(DEVICE, { serviceId: 'b', sessionId: 's', requestId: '1' }, '{"n":1.0}');
    a?.replies.toRequest({ serviceId: 'b', requestId: 'r' }, { n: new ExactNumber('42.0') });
    expect(await call).toBe('{"n":1.0}');
    expect(stringifyJson((await request) ?? null)).toBe('{"n":42.0}');
  });

  it('find the one of several instances with one name', async () => {
    const [a, , b] = setUp('same', 'same', 'same');
    const request = b?.request('r');
    a?.replies.toRequest({ serviceId: 'same', requestId: 'r' }, true);
    expect(await request).toBe(true);
  });

  it('go to no instance of another name, and are dropped when nobody waits', async () => {
    const [a, b] = setUp('a', 'b');
    const request = b?.request('r');
    a?.replies.toRequest({ serviceId: 'c', requestId: 'r' }, 'for c');
    a?.replies.toRequest({ serviceId: '__proto__', requestId: '__proto__' }, 'for nobody');
    a?.replies.toRequest({ serviceId: 'b', requestId: 'r' }, 'for b');
    expect(await request).toBe('for b');
  });
});
