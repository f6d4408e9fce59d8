import type { Bus, BusMessage, RunId } from '../cluster/bus.ts';
import type { Instances } from '../cluster/instances.ts';
import type { SessionRegistry } from '../cluster/session-registry.ts';
import type { DeviceId } from '../model/ids.ts';
import type { Log } from '../observe/index.ts';
import type { DueAlarms } from '../rules/index.ts';
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

export type SessionEndReason = Extract<BusMessage, { type: 'session-end' }>['reason'];

/** The session of a device, wherever it is. */
export interface SessionEnds {
  end(id: DeviceId, reason: SessionEndReason): void;
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
    if (reason === 'credentials-changed') return;
    polls.forget(id, reason);
    if (reason === 'device-deleted') connectivity.forget(id);
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

const MESSAGE_ID = /^(.+)-[0-9a-z]+-[0-9a-z]+$/;

/** Stored messages go on where they were stored; those of an instance that has ended, and common ones, where one leads. */
export function ownsMessage(
  registry: SessionRegistry,
  self: RunId,
  instances: Pick<Instances, 'leads' | 'isLive'>,
): (id: string) => boolean {
  if (!registry.shared) return () => true;
  return (id) => {
    const run = MESSAGE_ID.exec(id)?.[1] as RunId | undefined;
    if (run === self) return true;
    return instances.leads && (run === undefined || !instances.isLive(run));
  };
}

/** Alarm rules that time asks for are evaluated where the device is, else where one leads. */
export interface AlarmsElsewhere {
  /** True: another instance evaluates them. */
  takes(device: DeviceId, at: DueAlarms['at']): Promise<boolean>;
  /** Hears of those that fall to this one. */
  onDue(listener: (device: DeviceId, at: DueAlarms['at']) => void): void;
}

export function alarmsElsewhere(parts: {
  readonly registry: SessionRegistry;
  readonly bus: Bus;
  readonly instances: Pick<Instances, 'leads' | 'isLive'>;
}): AlarmsElsewhere {
  const { registry, bus, instances } = parts;
  return {
    async takes(device, { chain, node }) {
      if (!registry.shared) return false;
      const owner = await registry.owner(device);
      if (owner === bus.self) return false;
      const live = owner !== undefined && instances.isLive(owner);
      if (!live && instances.leads) return false;
      await bus.publish(live ? owner : 'all', { type: 'alarm-due', device, chain, node });
      return true;
    },
    onDue(listener) {
      bus.subscribe((message) => {
        if (message.type !== 'alarm-due') return;
        const { device, chain, node } = message;
        registry.owner(device).then(
          (owner) => {
            const here = owner === bus.self || (instances.leads && (owner === undefined || !instances.isLive(owner)));
            if (here) listener(device, { chain, node });
          },
          () => undefined, // the next evaluation comes with the device's next message
        );
      });
    },
  };
}
