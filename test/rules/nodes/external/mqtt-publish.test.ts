import { describe, expect, it } from 'vitest';
import type { Msg } from '../../../../src/model/msg.ts';
import { Secret } from '../../../../src/model/secret.ts';
import { createTestContext } from '../../../../src/rules/index.ts';
import { mqttPublish } from '../../../../src/rules/nodes/external/mqtt-publish.ts';

const context = createTestContext();
const msg = (change: Partial<Msg> = {}): Msg => ({
  id: 'm',
  ts: 1,
  type: 'POST_TELEMETRY_REQUEST',
  originator: context.originator('meter'),
  metadata: { deviceName: 'meter' },
  data: { power: 1 },
  ...change,
});
const loader = {
  chain: 'root',
  node: 'n',
  readJson: () => ({}),
  secret: () => new Secret('x'),
  allowedHosts: [],
};

function publish(config: object, message: Msg) {
  const node = mqttPublish.create({ qos: 'AT_LEAST_ONCE', retain: false, parseToPlainText: false, ...config }, loader);
  return node.onMsg(message, context);
}

describe('external/mqtt-publish', () => {
  it('publishes the exact text of the body, without its secrets', () => {
    publish({ topicPattern: 'app/t' }, msg({ text: '{"power":42.0}', data: { power: 42 } }));
    publish(
      { topicPattern: 'app/t', qos: 'AT_MOST_ONCE', retain: true, expirySec: 5 },
      msg({ data: { k: new Secret('s'), a: 1 } }),
    );
    expect(context.publications.slice(-2)).toEqual([
      { topic: 'app/t', payload: '{"power":42.0}', qos: 1, retain: false },
      { topic: 'app/t', payload: '{"a":1}', qos: 0, retain: true, expiryMs: 5_000 },
    ]);
  });

  it('a value that is filled in never leaves its level', () => {
    publish({ topicPattern: 'app/x/${deviceName}' }, msg({ metadata: { deviceName: '../supplier/1/#' } }));
    expect(context.publications.at(-1)?.topic).toBe('app/x/..%2Fsupplier%2F1%2F%23');
  });

  it.each([[''], ['\u0000'.repeat(200)], ['x'.repeat(600)]])(
    'a value that makes no topic fails the message',
    (deviceName) => {
      expect(() => publish({ topicPattern: 'app/x/${deviceName}' }, msg({ metadata: { deviceName } }))).toThrow(
        /the topic/,
      );
    },
  );

  it.each([
    'v1/devices/me/telemetry',
    'app',
    'app/+',
    'app/#',
    '$SYS/x',
    '$share/g/app/x',
    'app//x',
    'apps/x',
    '${deviceName}/x',
  ])('lint refuses the pattern %s', (topicPattern) => {
    expect([...mqttPublish.lint({ topicPattern })]).toHaveLength(1);
  });

  it('lint takes patterns below app/', () => {
    for (const topicPattern of ['app/${deviceName}', 'app/a/$[b.c]/d'])
      expect([...mqttPublish.lint({ topicPattern })]).toEqual([]);
  });
});
