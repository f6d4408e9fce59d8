import type { Bus, BusMessage } from '../cluster/bus.ts';
import type { SessionRegistry } from '../cluster/session-registry.ts';
import type { DeviceId } from '../model/ids.ts';
import type { Log } from '../observe/index.ts';
import type { Connectivity, StateElsewhere } from './connectivity.ts';
import type { LiveCredentials } from './live-credentials.ts';
import type { LongPolls } from './long-polls.ts';
import type { Sessions } from './sessions.ts';

/** Hands a message to all other instances, and does not wait for it. */
export type TellOthers = (message: BusMessage) => void;

export function tellOthersBy(bus: Bus, log: Log): TellOthers {
  return (message) => {
    bus.publish('all', message).catch((error: unknown) => {
      log.warn({ event: 'cluster.not-told', type: message.type, err: error }, 'other instances could not be told');
    });
  };
}

/** The session of a device, wherever it is. */
export interface SessionEnds {
  end(id: DeviceId, reason: 'credentials-changed' | 'device-deleted'): void;
  credentialsChanged(id: DeviceId): Promise<void>;
}

/** What ends sessions ends them in all instances, and what is for a device reaches it in any. */
export function sessionEnds(parts: {
  readonly bus: Bus;
  readonly tellOthers: TellOthers;
  readonly sessions: Sessions;
  readonly live: LiveCredentials;
  readonly connectivity: Pick<Connectivity, 'forget' | 'timeoutChanged'>;
  readonly polls: LongPolls;
}): SessionEnds {
  const { bus, tellOthers, sessions, live, connectivity, polls } = parts;
  const endHere: SessionEnds['end'] = (id, reason) => {
    sessions.end(id, reason);
    if (reason !== 'device-deleted') return;
    connectivity.forget(id);
    polls.forget(id);
  };

  bus.subscribe((message) => {
    switch (message.type) {
      case 'push': {
        const { device, text, deleted } = message;
        sessions.pushHere(device, { kind: 'shared-attributes', text, ...(deleted === undefined ? {} : { deleted }) });
        return;
      }
      case 'session-end':
        endHere(message.device, message.reason);
        return;
      case 'credentials-changed':
        void live.changed(message.device);
        return;
      case 'check-state':
        void connectivity.timeoutChanged(message.device);
    }
  });

  return {
    end(id, reason) {
      endHere(id, reason);
      tellOthers({ type: 'session-end', device: id, reason });
    },
    async credentialsChanged(id) {
      tellOthers({ type: 'credentials-changed', device: id });
      await live.changed(id);
    },
  };
}

/** Whose part it is to look at the state of a device. */
export function stateElsewhere(
  registry: SessionRegistry,
  bus: Bus,
  instances: { readonly leads: boolean },
): StateElsewhere {
  return {
    shared: registry.shared,
    get leads() {
      return instances.leads;
    },
    async check(device) {
      const owner = await registry.owner(device);
      if (owner === undefined || owner === bus.self) return false;
      await bus.publish(owner, { type: 'check-state', device });
      return true;
    },
  };
}
