import type { Bus, BusMessage, CarriedCall, RunId } from '../cluster/bus.ts';
import type { Instances } from '../cluster/instances.ts';
import type { SessionRegistry } from '../cluster/session-registry.ts';
import type { DeviceId } from '../model/ids.ts';
import type { RpcId } from '../model/rpc.ts';
import type { Log } from '../observe/index.ts';
import { createCarriedAnswers, type DeviceAnswer } from './carried-answers.ts';
import type { RpcOutcome } from './rpc-queue.ts';

/** Calls that this instance has, as others ask for them. */
export interface CallsHere {
  /** Whether a connection of this instance takes calls of the device. */
  listens(device: DeviceId): boolean;
  /** Whether a call waits that is not persistent and on its way nowhere. */
  waits(device: DeviceId): boolean;
  /** Makes the call and gives its outcome. */
  take(device: DeviceId, call: CarriedCall): Promise<RpcOutcome>;
  /** Hands every call that waits to `carry`, whose outcome becomes its own. */
  giveAway(device: DeviceId, carry: (call: CarriedCall) => Promise<RpcOutcome>): void;
  /** The device's answer; false: no such call waits for one here. Resolves once it is durable. */
  answer(device: DeviceId, answer: DeviceAnswer): Promise<boolean>;
  /** A persistent call was stored. */
  reload(device: DeviceId): void;
  /** A persistent call has expired or was deleted. */
  drop(device: DeviceId, id: RpcId): void;
}

/** Where calls go that no connection of this instance takes. */
export interface CallRoutes {
  /** False: there are no other instances. */
  readonly shared: boolean;
  attach(calls: CallsHere): void;
  /** A call waits, and nobody listens here. */
  waiting(device: DeviceId): void;
  /** A call has gone: perhaps none waits any more. */
  settled(device: DeviceId): void;
  /** A connection takes calls of the device from now on. */
  listening(device: DeviceId): void;
  /** The device's answer to a call that is not known here. Resolves once who knows it has it durable, or when nobody does. */
  answer(device: DeviceId, answer: DeviceAnswer): Promise<void>;
  stored(device: DeviceId): void;
  dropped(device: DeviceId, id: RpcId): void;
}

const OUTCOMES: ReadonlySet<string> = new Set(['done', 'timeout', 'no-session', 'busy', 'shutting-down']);

/**
 * A call waits where it was made, and a note in the registry says so. Who listens for the device, now or later, is told, and
 * takes the call over; it carries it on in the same way when the device moves. Outcomes go back the way the calls came.
 */
export function createCallRoutes(parts: {
  readonly bus: Bus;
  readonly registry: SessionRegistry;
  readonly instances: Pick<Instances, 'others'>;
  readonly log: Log;
}): CallRoutes {
  const { bus, registry, log } = parts;
  const { shared } = registry;
  /** Devices that a note stands for. */
  const noted = new Set<DeviceId>();
  const carried = new Map<string, (outcome: RpcOutcome) => void>();
  const answers = createCarriedAnswers(parts);
  let calls: CallsHere | undefined;
  let serial = 0;

  const now = (work: () => Promise<void>): void => {
    work().catch((error: unknown) =>
      log.warn({ event: 'rpc.not-carried', err: error }, 'a call could not go to another instance'),
    );
  };

  const seek = async (device: DeviceId): Promise<void> => {
    // Noted first: who listens later finds it, who listens now hears of it.
    await registry.callWaits(device);
    const owner = await registry.owner(device);
    await bus.publish(owner === undefined || owner === bus.self ? 'all' : owner, { type: 'rpc-seek', device });
  };

  const carry = (to: RunId, device: DeviceId, call: CarriedCall): Promise<RpcOutcome> =>
    new Promise((resolve) => {
      const id = String(++serial);
      const end = (outcome: RpcOutcome): void => {
        clearTimeout(timer);
        carried.delete(id);
        resolve(outcome);
      };
      // Its own time ends it here before; this is for the map.
      const timer = setTimeout(() => end({ kind: 'timeout' }), Math.max(0, call.expiresAt - Date.now()) + 60_000);
      timer.unref();
      carried.set(id, end);
      bus.publish(to, { type: 'rpc-call', id, device, call }).catch(() => end({ kind: 'shutting-down' }));
    });

  const hear = (message: BusMessage, from: RunId, here: CallsHere): void => {
    switch (message.type) {
      case 'rpc-seek':
        if (here.listens(message.device)) {
          now(() => bus.publish(from, { type: 'rpc-listening', device: message.device }));
        }
        return;
      case 'rpc-listening':
        here.giveAway(message.device, (call) => carry(from, message.device, call));
        return;
      case 'rpc-call': {
        const { id, device, call } = message;
        now(async () => {
          const { kind, ...rest } = await here.take(device, call);
          await bus.publish(from, { type: 'rpc-outcome', id, kind, ...rest });
        });
        return;
      }
      case 'rpc-outcome':
        carried.get(message.id)?.(outcomeOf(message));
        return;
      case 'rpc-answer':
        now(() => answers.answer(message, from, here.answer));
        return;
      case 'rpc-answered':
        answers.hear(message, from);
        return;
      case 'rpc-stored':
        here.reload(message.device);
        return;
      case 'rpc-dropped':
        here.drop(message.device, message.id as RpcId);
    }
  };

  return {
    shared,
    attach(here) {
      calls = here;
      bus.subscribe((message, from) => hear(message, from, here));
    },
    waiting(device) {
      if (!shared) return;
      noted.add(device);
      now(() => seek(device));
    },
    settled(device) {
      if (!noted.has(device) || calls?.waits(device) === true) return;
      noted.delete(device);
      now(() => registry.callsWaitNoMore(device));
    },
    listening(device) {
      if (!shared) return;
      now(async () => {
        for (const run of await registry.callersOf(device)) await bus.publish(run, { type: 'rpc-listening', device });
      });
    },
    answer: answers.carry,
    stored(device) {
      if (shared) now(() => bus.publish('all', { type: 'rpc-stored', device }));
    },
    dropped(device, id) {
      if (shared) now(() => bus.publish('all', { type: 'rpc-dropped', device, id }));
    },
  };
}

function outcomeOf({ kind, text }: Extract<BusMessage, { type: 'rpc-outcome' }>): RpcOutcome {
  if (kind === 'response') return { kind, text: text ?? 'null' };
  return { kind: OUTCOMES.has(kind) ? kind : 'timeout' } as RpcOutcome;
}
