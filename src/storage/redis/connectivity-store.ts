import type { DeviceId } from '../../model/ids.ts';
import type { AttributeStore } from '../attribute-store.ts';
import type { ConnectivityStore } from '../connectivity-store.ts';
import { isId, KEYS } from './keys.ts';
import type { Queue } from './queue.ts';
import { loadScript } from './scripts.ts';

const SET_DUE = loadScript('set-due');
/** Devices in one script. */
const DEVICES_PER_SCRIPT = 500;

export function createConnectivityStore(queue: Queue, attributes: AttributeStore): ConnectivityStore {
  return {
    save: (writes) =>
      queue.write(writes.length * 64, async () => {
        const known = writes.filter(({ deviceId }) => isId(deviceId));
        const saves = known.flatMap(({ deviceId, values, ts }) =>
          Object.keys(values).length === 0
            ? []
            : [attributes.save({ entityId: deviceId, scope: 'SERVER_SCOPE', values, ts, onlyOnChange: false })],
        );
        const words = known.flatMap(({ deviceId, due }) => (due === undefined ? [] : [deviceId, due]));
        for (let at = 0; at < words.length; at += 2 * DEVICES_PER_SCRIPT) {
          const some = words.slice(at, at + 2 * DEVICES_PER_SCRIPT);
          saves.push(queue.script(SET_DUE, [KEYS.devices, KEYS.stateDue], some).then(() => []));
        }
        await Promise.all(saves);
      }),
    async due(now, limit) {
      return (await queue.send('zrangebyscore', [
        KEYS.stateDue,
        '-inf',
        now,
        'LIMIT',
        0,
        limit,
      ])) as readonly DeviceId[];
    },
  };
}
