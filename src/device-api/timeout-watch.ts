import type { DeviceId } from '../model/ids.ts';
import type { AttributeStore } from '../storage/attribute-store.ts';

const KEY = 'inactivityTimeout';

/** The store, telling of each change of a device's own inactivity timeout, whoever writes it: REST, chains, operators. */
export function watchTimeouts(store: AttributeStore, onChange: (id: DeviceId) => void): AttributeStore {
  return {
    save(write) {
      const saved = store.save(write);
      if (write.scope === 'SERVER_SCOPE' && Object.hasOwn(write.values, KEY)) {
        saved.then(
          (written) => written.includes(KEY) && onChange(write.deviceId),
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
          (gone) => gone.includes(KEY) && onChange(id),
          () => undefined,
        );
      }
      return removed;
    },
  };
}
