import type { Aedes, Client } from 'aedes';
import type { AedesPacket } from './persistence.ts';

// What we touch of aedes 2.0.0-beta.1 for app clients that its types do not promise; test/transport/mqtt/app/aedes-app.test.ts fails
// when one of these changes.
interface PrivateClient {
  subscriptions: Readonly<Record<string, GrantedFilter>>;
  /** Told an MQTT 5 client in its CONNACK. */
  _assignedClientId: string | undefined;
  will: object | null;
  /** Calls back at the next drain, or closes after `drainTimeout`. */
  waitForDrain(callback: (err?: Error | null) => void): void;
}

interface PrivateBroker {
  readonly mq: { emit(packet: AedesPacket): void };
  counter: number;
  /** Ids whose session a new connection is about to go on with. */
  readonly _takingOver: ReadonlySet<string>;
}

const innerBroker = (broker: Aedes): PrivateBroker => broker as unknown as PrivateBroker;

/** A filter that a client has now. */
export interface GrantedFilter {
  readonly qos: number;
  /** Retain As Published. */
  readonly rap?: boolean;
  /** Subscription Identifier. */
  readonly si?: number;
}

const inner = (client: Client): PrivateClient => client as unknown as PrivateClient;

/** The client's filters in aedes. */
export function subscriptionsOf(client: Client): readonly (readonly [filter: string, granted: GrantedFilter])[] {
  return Object.entries(inner(client).subscriptions);
}

/** Calls back when the client's socket has room again; a client that takes nothing for `drainTimeout` is closed instead. */
export function whenDrained(client: Client, go: () => void): void {
  inner(client).waitForDrain((err) => {
    if (!err) go();
  });
}

/** What an MQTT 5 client without an id is told as its own [MQTT-3.2.2-16]; call it while the client is authenticated. */
export function tellClientId(client: Client, id: string): void {
  inner(client)._assignedClientId = id;
}

/** Its end is not to publish its will. */
export function forgetWill(client: Client): void {
  inner(client).will = null;
}

/** Hands a packet to the subscriptions that match, at once. */
export function emitPacket(broker: Aedes, packet: AedesPacket): void {
  innerBroker(broker).mq.emit(packet);
}

/** Counts packets, as aedes does: a client takes no packet with a lower number than one before. */
export const nextCounter = (broker: Aedes): number => ++innerBroker(broker).counter;

/** Whether a new connection of the id is coming in for the one that ends. */
export const isTakenOver = (broker: Aedes, id: string): boolean => innerBroker(broker)._takingOver.has(id);
