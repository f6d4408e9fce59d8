import { type DeviceId, parseDeviceId } from '../model/ids.ts';
import type { AttributeStore } from '../storage/attribute-store.ts';

const KEY = 'inactivityTimeout';

/** The store, telling of each change of a device's own inactivity timeout, whoever writes it: REST, chains, operators. */
export function watchTimeouts(store: AttributeStore, onChange: (id: DeviceId) => void): AttributeStore {
  const changed = (id: string): void => {
    const device = parseDeviceId(id);
    if (device !== undefined) onChange(device);
  };
  return {
    save(write) {
      const saved = store.save(write);
      if (write.scope === 'SERVER_SCOPE' && Object.hasOwn(write.values, KEY)) {
        saved.then(
          (written) => written.includes(KEY) && changed(write.entityId),
          () => undefined,
        );
      }
      return saved;
    },
    read: (id, scope, keys) => store.read(id, scope, keys),
    remove(id, scope, keys) {
      const removed = store.remove(id, scope, keys);
      if (scope === 'SERVER_SCOPE' && keys.includes(KEY)) {
        removed.then(
          (gone) => gone.includes(KEY) && changed(id),
          () => undefined,
        );
      }
      return removed;
    },
  };
}
