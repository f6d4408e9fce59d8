import type { DeviceId } from '../../model/ids.ts';
import { type JsonValue, stringifyJson } from '../../model/json.ts';
import type { TimedValue } from '../../model/telemetry.ts';
import type { Principal } from '../../registry/api-keys.ts';
import type { Change } from '../../telemetry/change-feed.ts';
import type { AdminDeps } from '../deps.ts';
import { isLimited, mayRead } from '../readable.ts';
import { textOf } from '../telemetry.ts';
import type { Command } from './commands.ts';

export const MAX_SUBSCRIPTIONS = 100;
const ERRORS = { badRequest: 2, unauthorized: 3 } as const;
type Subscribe = Extract<Command, { kind: 'subscribe' }>;
type LiveDeps = Pick<AdminDeps, 'attachments' | 'registry' | 'storage' | 'changes' | 'trees'>;

interface Subscription {
  readonly command: Subscribe;
  /** Time of the value last sent, by key: an older sample is not the latest value. */
  readonly sent: Map<string, number>;
  /** What came while the first values were read. */
  early: Change[] | undefined;
  readonly end: () => void;
}

/** The subscriptions of one connection. `send` gets one JSON text a message. */
export class Subscriptions {
  readonly #all = new Map<number, Subscription>();
  readonly #deps: LiveDeps;
  readonly #send: (text: string) => void;

  constructor(deps: LiveDeps, send: (text: string) => void) {
    this.#deps = deps;
    this.#send = send;
  }

  get size(): number {
    return this.#all.size;
  }

  refuse(id: number, problem: string, code: keyof typeof ERRORS = 'badRequest'): void {
    this.#send(JSON.stringify({ cmdId: id, subscriptionId: id, errorCode: ERRORS[code], errorMsg: problem, data: {} }));
  }

  end(id: number): void {
    this.#all.get(id)?.end();
    this.#all.delete(id);
  }

  endAll(): void {
    for (const id of [...this.#all.keys()]) this.end(id);
  }

  /** Sends the present values, then what changes. A further command of the same id takes the place of the first. */
  async subscribe(command: Subscribe, principal: Principal): Promise<void> {
    const { id, deviceId } = command;
    this.end(id);
    if (this.#all.size >= MAX_SUBSCRIPTIONS) {
      this.refuse(id, `more than ${MAX_SUBSCRIPTIONS} subscriptions on one connection`);
      return;
    }
    if (!(await this.#sees(principal, deviceId))) {
      this.refuse(id, 'there is no such device', 'unauthorized');
      return;
    }
    const subscription: Subscription = {
      command,
      sent: new Map(),
      early: [],
      end: this.#deps.changes.watch(deviceId, (change) => this.#changed(subscription, principal, change)),
    };
    this.#all.set(id, subscription);
    const present = await this.#present(command);
    if (this.#all.get(id) !== subscription) return;
    this.#push(subscription, present, true);
    const early = subscription.early ?? [];
    subscription.early = undefined;
    for (const change of early) this.#deliver(subscription, change);
  }

  #changed(subscription: Subscription, principal: Principal, change: Change): void {
    if (subscription.early) {
      subscription.early.push(change);
      return;
    }
    if (!isLimited(principal)) {
      this.#deliver(subscription, change);
      return;
    }
    // The attachment may have ended since, or the device left its part of the tree.
    const { id, deviceId } = subscription.command;
    this.#sees(principal, deviceId).then(
      (sees) => {
        if (this.#all.get(id) !== subscription) return;
        if (sees) this.#deliver(subscription, change);
        else {
          this.end(id);
          this.refuse(id, 'there is no such device', 'unauthorized');
        }
      },
      () => this.end(id),
    );
  }

  #deliver(subscription: Subscription, change: Change): void {
    const { scopes } = subscription.command;
    if (change.kind === 'telemetry') {
      if (scopes !== undefined) return;
      this.#push(subscription, timed(change.values, change.ts));
    } else if (scopes?.includes(change.scope)) {
      if (change.kind === 'attributes') this.#push(subscription, timed(change.values, change.ts));
      else this.#pushRemoved(subscription, change.keys);
    }
  }

  #push(subscription: Subscription, values: Iterable<readonly [string, TimedValue]>, always = false): void {
    const { command, sent } = subscription;
    const data: Record<string, readonly (readonly [number, string])[]> = {};
    const latestValues: Record<string, number> = {};
    let any = always;
    for (const [key, { ts, value }] of values) {
      if (command.keys?.has(key) === false || ts < (sent.get(key) ?? Number.NEGATIVE_INFINITY)) continue;
      sent.set(key, ts);
      define(data, key, [[ts, textOf(value)]]);
      define(latestValues, key, ts);
      any = true;
    }
    if (!any) return;
    const { id } = command;
    this.#send(
      stringifyJson({ subscriptionId: id, errorCode: 0, errorMsg: null, data, latestValues } as unknown as JsonValue),
    );
  }

  #pushRemoved({ command, sent }: Subscription, keys: readonly string[]): void {
    const data: Record<string, readonly (readonly [number, null])[]> = {};
    for (const key of keys) {
      if (command.keys?.has(key) === false) continue;
      define(data, key, [[sent.get(key) ?? 0, null]]);
      sent.delete(key);
    }
    if (Object.keys(data).length === 0) return;
    this.#send(JSON.stringify({ subscriptionId: command.id, errorCode: 0, errorMsg: null, data, latestValues: {} }));
  }

  async #present({ deviceId, scopes, keys }: Subscribe): Promise<Iterable<readonly [string, TimedValue]>> {
    const { attributes, telemetry } = this.#deps.storage;
    const asked = keys && [...keys];
    if (scopes === undefined) return telemetry.latest(deviceId, asked);
    const maps = await Promise.all(scopes.map((scope) => attributes.read(deviceId, scope, asked)));
    return maps.flatMap((map) => [...map]);
  }

  async #sees(principal: Principal, deviceId: DeviceId): Promise<boolean> {
    return (
      (await mayRead(principal, deviceId, this.#deps)) && (await this.#deps.registry.device(deviceId)) !== undefined
    );
  }
}

const timed = (values: Readonly<Record<string, JsonValue>>, ts: number): (readonly [string, TimedValue])[] =>
  Object.entries(values).map(([key, value]) => [key, { ts, value }]);

/** A plain assignment would call the setter of `__proto__` instead of storing the key. */
function define<T>(target: Record<string, T>, key: string, value: T): void {
  Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
}
