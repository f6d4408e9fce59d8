import type { Bus, BusMessage, RunId } from '../cluster/bus.ts';
import type { Instances } from '../cluster/instances.ts';
import { BrokerError } from '../errors.ts';
import type { DeviceId } from '../model/ids.ts';

/** Time that other instances have to say whether a call is theirs, ms. */
const WAIT_MS = 2_000;
/** Answers under way: of one device, and in all. */
const MAX_PER_DEVICE = 8;
const MAX_TOTAL = 1_000;

/** What a device answers to a call. */
export interface DeviceAnswer {
  /** The number that the call was delivered with. */
  readonly call: number;
  readonly text: string;
  /** Whether the text is JSON. */
  readonly json: boolean;
}

/** Gives false when no such call waits for an answer here; resolves once the answer is durable. */
type TakeAnswer = (device: DeviceId, answer: DeviceAnswer) => Promise<boolean>;

interface Asked {
  /** Those that have said nothing yet. */
  readonly silent: Set<RunId>;
  readonly end: (error?: BrokerError) => void;
}

/** Answers of devices that come by another instance than the one which delivered the call. */
export function createCarriedAnswers(parts: {
  readonly bus: Bus;
  readonly instances: Pick<Instances, 'others'>;
  readonly waitMs?: number;
}) {
  const { bus, instances, waitMs = WAIT_MS } = parts;
  const asked = new Map<string, Asked>();
  const perDevice = new Map<DeviceId, number>();
  let serial = 0;

  return {
    /**
     * Asks the others whose call it is. Resolves once it is durable with one of them, or when all say that it is not theirs;
     * rejects with BrokerError when one that should know does not say, or when too many are under way.
     */
    carry(device: DeviceId, answer: DeviceAnswer): Promise<void> {
      const silent = new Set(instances.others.map(({ run }) => run));
      if (silent.size === 0) return Promise.resolve();
      const mine = perDevice.get(device) ?? 0;
      if (mine >= MAX_PER_DEVICE || asked.size >= MAX_TOTAL) {
        return Promise.reject(new BrokerError('QUEUE_FULL', { detail: 'too many answers to calls are under way' }));
      }
      perDevice.set(device, mine + 1);
      return new Promise((resolve, reject) => {
        const id = String(++serial);
        const end = (error?: BrokerError): void => {
          clearTimeout(timer);
          if (!asked.delete(id)) return;
          const left = (perDevice.get(device) ?? 1) - 1;
          if (left === 0) perDevice.delete(device);
          else perDevice.set(device, left);
          if (error) reject(error);
          else resolve();
        };
        const timer = setTimeout(() => end(unsaid()), waitMs);
        timer.unref();
        asked.set(id, { silent, end });
        bus.publish('all', { type: 'rpc-answer', id, device, ...answer }).catch((error: unknown) => {
          end(BrokerError.from(error));
        });
      });
    },

    hear(message: Extract<BusMessage, { type: 'rpc-answered' }>, from: RunId): void {
      const found = asked.get(message.id);
      if (!found) return;
      found.silent.delete(from);
      if (message.kind === 'stored') found.end();
      else if (message.kind === 'failed') found.end(unsaid());
      else if (found.silent.size === 0) found.end();
    },

    /** Tells the sender whether the call is ours. */
    async answer(message: Extract<BusMessage, { type: 'rpc-answer' }>, from: RunId, take: TakeAnswer): Promise<void> {
      const { id, device, call, text, json } = message;
      const kind = await take(device, { call, text, json }).then(
        (taken) => (taken ? 'stored' : 'unknown'),
        () => 'failed', // the store reports its own trouble
      );
      await bus.publish(from, { type: 'rpc-answered', id, kind });
    },
  };
}

const unsaid = (): BrokerError =>
  new BrokerError('STORE_UNAVAILABLE', {
    detail: 'the instance that made the call does not say that it has the answer',
  });
