import { describe, expect, it } from 'vitest';
import { type BusMessage, MAX_BUS_MESSAGE_BYTES } from '../../src/cluster/bus.ts';
import { formatBusMessage, parseBusMessage } from '../../src/cluster/bus-format.ts';
import type { DeviceId } from '../../src/model/ids.ts';

const device = '784f394c-42b6-435a-983c-b7beff2784f9' as DeviceId;

describe('messages of other versions', () => {
  it('of a type that this one does not know, or without what it needs, are not understood', () => {
    const strange = [
      '{"type":"from-a-later-version","device":"x"}',
      '{"type":"rpc-answer","id":"1","device":"x","call":"7","text":"{}","json":true}',
      '{"type":"rpc-answer","id":"1","device":"x","call":7,"text":"{}"}',
      '{"type":"rpc-call","id":"1","device":"x","call":{"method":"m"}}',
      '{"type":"watch","entities":[1]}',
      '{"type":"__proto__"}',
      '{"type":"constructor"}',
      '{"type":7}',
      '[]',
      'null',
      '"drain"',
      '{',
      '',
    ];
    expect(strange.map(parseBusMessage)).toEqual(strange.map(() => undefined));
  });

  it('with more than this one knows are taken', () => {
    expect(parseBusMessage('{"type":"rpc-seek","device":"x","later":{"a":1}}')).toMatchObject({ type: 'rpc-seek' });
  });
});

it('every message comes as it went', () => {
  const call = { method: 'm', params: '{"n":1.0}', oneway: false, expiresAt: 7 };
  const messages: readonly BusMessage[] = [
    { type: 'kick', device, epoch: 3 },
    { type: 'push', device, text: '{"a":1}', deleted: ['b'] },
    { type: 'rpc-call', id: '1', device, call },
    { type: 'rpc-answer', id: '1', device, call: 7, text: '{"ü":true}', json: true },
    { type: 'rpc-answered', id: '1', kind: 'stored' },
    { type: 'call-reply', device, session: 's', request: '1', text: '{}' },
    { type: 'request-reply', id: 'r', text: '[42.0]' },
    { type: 'app-look' },
    { type: 'drain' },
  ];
  expect(messages.map((message) => parseBusMessage(formatBusMessage(message)))).toEqual(messages);
});

it('one that is too large is refused before it is sent', () => {
  const text = 'x'.repeat(MAX_BUS_MESSAGE_BYTES);
  expect(() => formatBusMessage({ type: 'push', device, text })).toThrow(/BAD_REQUEST/);
});
