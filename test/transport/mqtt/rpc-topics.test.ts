import { describe, expect, it } from 'vitest';
import { callsPrefix, readRpcTopic } from '../../../src/transport/mqtt/rpc-topics.ts';

describe('topics of calls', () => {
  it.each([
    [
      'v1/devices/me/rpc/request/7',
      { kind: 'rpc-call', id: '7', answerTopic: 'v1/devices/me/rpc/response/7', v1: true },
    ],
    ['v2/r/req/7', { kind: 'rpc-call', id: '7', answerTopic: 'v2/r/res/7', v1: false }],
    ['v2/r/req/j/7', { kind: 'rpc-call', id: '7', answerTopic: 'v2/r/res/j/7', v1: false }],
    ['v1/devices/me/rpc/response/0', { kind: 'rpc-answer', id: 0 }],
    ['v2/r/res/12', { kind: 'rpc-answer', id: 12 }],
    ['v2/r/res/j/12', { kind: 'rpc-answer', id: 12 }],
    ['v1/devices/me/rpc/request/', { kind: 'rpc-malformed' }],
    ['v1/devices/me/rpc/request/1/2', { kind: 'rpc-malformed' }],
    ['v2/r/res/x', { kind: 'rpc-malformed' }],
    ['v1/devices/me/rpc/request', undefined],
    ['v2/r/reqs/1', undefined],
    ['v1/devices/me/telemetry', undefined],
  ])('%s', (topic, read) => {
    expect(readRpcTopic(topic)).toEqual(read);
  });

  it('only the literal filters of requests bring calls', () => {
    expect(['v1/devices/me/rpc/request/+', 'v2/r/req/+', 'v2/r/req/j/+'].map(callsPrefix)).toEqual([
      'v1/devices/me/rpc/request/',
      'v2/r/req/',
      'v2/r/req/j/',
    ]);
    expect(['v1/devices/me/rpc/response/+', 'v2/r/res/+', 'v1/devices/me/rpc/request/#'].map(callsPrefix)).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});
