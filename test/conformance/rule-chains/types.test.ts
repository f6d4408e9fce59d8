import { describe, expect, it } from 'vitest';
import type { MessageRunner } from '../../../src/device-api/message-runner.ts';
import type { NewMessage } from '../../../src/device-api/new-message.ts';
import { createUplink, type UplinkParts } from '../../../src/device-api/uplink.ts';
import type { Device } from '../../../src/model/device.ts';
import { newDeviceId } from '../../../src/model/ids.ts';
import type { MsgBody } from '../../../src/model/msg.ts';
import { NO_RULES } from '../../../src/profiles/index.ts';
import { createProfileSet } from '../../../src/profiles/profile-set.ts';
import { compileText } from '../../../src/rules/template.ts';
import { testMsg } from '../../helpers/chain-kit.ts';
import { makeNode } from '../../helpers/chain-node.ts';

const NOW = 1_750_000_000_000;
const device: Device = {
  id: newDeviceId(NOW),
  name: 'meter-1',
  profile: 'smart-meter',
  gateway: false,
  createdAt: NOW,
};
const everyMessage = { takeMessage: () => true, takeTelemetry: () => true };

/** What the chains get of a payload. */
function messagesOf(kind: 'telemetry' | 'attributes', payload: unknown, typeCast = false): NewMessage[] {
  const messages: NewMessage[] = [];
  const profile = {
    name: 'smart-meter',
    provision: { strategy: 'disabled', onExisting: 'reject', rules: NO_RULES } as const,
    transport: 'mqtt' as const,
    topics: {},
    sendAckOnValidationException: false,
    typeCast,
    retention: {},
    limits: {},
  };
  const runner: Pick<MessageRunner, 'run'> = {
    run(message, end) {
      messages.push(message);
      end('done');
    },
  };
  const profiles = createProfileSet([profile]);
  const clock = { now: () => NOW, monotonic: () => NOW };
  const parts = {
    profiles: () => profiles,
    runner,
    clock,
    markOf: () => undefined,
    ota: { reported: () => {} },
    json: { maxDepth: 9, maxKeys: 99 },
  } as unknown as UplinkParts;
  createUplink(device, parts, everyMessage)[kind](Buffer.from(JSON.stringify(payload)), () => {}, 'v1/devices/me/x');
  return messages;
}

describe('types and templates', () => {
  it('case 34: PROVISION_SUCCESS and types of your own leave the message type switch by Other', async () => {
    const node = makeNode('filter/msg-type-switch');
    for (const type of ['PROVISION_SUCCESS', 'PROVISION_FAILURE', 'FOO', '__proto__']) {
      expect(await node.run(testMsg({ type }))).toMatchObject({ relation: 'Other' });
    }
  });

  it('case 35: a text of digits stays a text, unless the profile casts', () => {
    const payload = { Power_supplier_secret_key: '0012' };
    expect(messagesOf('attributes', payload)[0]?.data).toEqual(payload);
    expect(messagesOf('attributes', payload, true)[0]?.data).toEqual({ Power_supplier_secret_key: 12 });
  });

  it('case 36: two times are two messages with their ts; attributes have none, and do not notify', () => {
    const samples = messagesOf('telemetry', [
      { ts: 1, values: { a: 1 } },
      { ts: 2, values: { a: 2 } },
    ]);
    expect(samples.map(({ type, data, metadata }) => [type, data, metadata.ts])).toEqual([
      ['POST_TELEMETRY_REQUEST', { a: 1 }, '1'],
      ['POST_TELEMETRY_REQUEST', { a: 2 }, '2'],
    ]);
    const [attributes] = messagesOf('attributes', { a: 1 });
    expect(attributes).toMatchObject({ type: 'POST_ATTRIBUTES_REQUEST', metadata: { notifyDevice: 'false' } });
    expect(attributes?.metadata).not.toHaveProperty('ts');
  });

  const filled = (template: string, data: unknown, metadata: Record<string, string> = {}): string =>
    compileText(template)(testMsg({ data: data as MsgBody, metadata }));

  it('case 37: a nested value is filled in, an array is a failure', () => {
    expect(filled('$[a.b]', { a: { b: 7 } })).toBe('7');
    expect(() => filled('$[arr]', { arr: [1] })).toThrow('object or array');
  });

  it('case 38: a value that looks like a placeholder is not expanded', () => {
    expect(filled('${x}', { CUPS: 'ES00' }, { x: '$[CUPS]' })).toBe('$[CUPS]');
  });

  it('case 39: null is filled in as null', () => {
    expect(filled('$[n]', { n: null })).toBe('null');
  });
});
