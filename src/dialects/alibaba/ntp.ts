import { stringifyJson } from '../../model/json.ts';
import type { Operation } from '../operation.ts';
import { own } from '../values.ts';

/** The time of the server, as texts; the device's own comes back as it was. */
export const ntp: Operation = async ({ api, productKey, deviceKey }, { body }) => {
  const now = String(api.things.clock.now());
  const times = { deviceSendTime: own(body, 'deviceSendTime') ?? '', serverRecvTime: now, serverSendTime: now };
  return { kind: 'send', topic: `/ext/ntp/${productKey}/${deviceKey}/response`, payload: stringifyJson(times) };
};
