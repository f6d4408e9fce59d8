import type { Client } from 'aedes';
import { type AppIdentity, mayHave } from '../../../app-clients/index.ts';
import type { LoginRefusal } from '../../../device-api/index.ts';
import { appFilterProblem, appTopicProblem } from '../../../model/app-topic.ts';
import type { ClientPacket } from '../packet-decoder.ts';
import { StrictGate, type Verdict } from '../packet-gate.ts';
import { reasonCodes } from '../reason-codes.ts';
import { subscriptionsOf } from './aedes-app.ts';
import type { Outbound } from './outbound.ts';
import type { MemoryQueue } from './outbound-queues.ts';

/** What a session has beside its connection, once it is let in. */
export interface Delivery {
  readonly outbound: Outbound;
  /** Of a session that ends with its connection; absent: its messages are stored. */
  readonly memory: MemoryQueue | undefined;
}

/** One connection of an app client: its packet gate, who it is, and what it is sent. */
export class AppConnection extends StrictGate {
  readonly address: string;
  readonly #maxSubscriptions: number;
  /** Set by the login. */
  identity: AppIdentity | undefined;
  /** As the client knows it. */
  clientId = '';
  /** Why it is not let in. */
  refused: LoginRefusal | undefined;
  client: Client | undefined;
  delivery: Delivery | undefined;

  constructor(address: string, maxSubscriptions: number) {
    super();
    this.address = address;
    this.#maxSubscriptions = maxSubscriptions;
  }

  override inspect(packet: ClientPacket): Verdict {
    const verdict = super.inspect(packet);
    if (verdict !== 'pass' || packet.cmd !== 'subscribe' || !this.client) return verdict;
    const has = new Set(subscriptionsOf(this.client).map(([filter]) => filter));
    for (const subscription of packet.subscriptions) {
      has.add(subscription.topic);
      // QoS 2 is not offered to subscribers; a lower one than asked for is granted [MQTT-3.8.4-7].
      if (subscription.qos === 2) subscription.qos = 1;
    }
    if (has.size <= this.#maxSubscriptions) return verdict;
    return { drop: 'too many subscriptions', reasonCode: reasonCodes.quotaExceeded };
  }

  maySubscribe(filter: string): boolean {
    return appFilterProblem(filter) === undefined && mayHave(this.identity?.rights.subscribe ?? [], filter);
  }

  mayPublish(topic: string): boolean {
    return appTopicProblem(topic) === undefined && mayHave(this.identity?.rights.publish ?? [], topic);
  }
}
