import type {
  DeviceApi,
  ExplainRing,
  MessageCounters,
  MessageRunner,
  Recorder,
  RefusalPause,
  RestRequests,
} from '../device-api/index.ts';
import type { Clock } from '../model/clock.ts';
import type { Health, Metrics } from '../observe/index.ts';
import type { OtaAssignments, OtaCampaigns, OtaPackages } from '../ota/index.ts';
import type { ProfileSet } from '../profiles/index.ts';
import type { Alarms } from '../registry/alarms.ts';
import type { ApiKeys } from '../registry/api-keys.ts';
import type { AssetTrees } from '../registry/asset-trees.ts';
import type { Attachments } from '../registry/attachments.ts';
import type { LifeCycle } from '../registry/life-cycle.ts';
import type { Registry } from '../registry/registry.ts';
import type { SerialLists } from '../registry/serial-lists.ts';
import type { ServiceAccounts } from '../registry/service-accounts.ts';
import type { Suppliers } from '../registry/suppliers.ts';
import type { Users } from '../registry/users.ts';
import type { Generation } from '../rules/index.ts';
import type { Statistics } from '../statistics/index.ts';
import type { Storage } from '../storage/storage.ts';
import type { ChangeFeed } from '../telemetry/change-feed.ts';
import type { BrokerControl } from './broker-control.ts';
import type { ChainControl } from './chain-control.ts';

/** What the management API stands on; `app` passes all of it in. */
export interface AdminDeps {
  readonly deviceApi: DeviceApi;
  readonly registry: Registry;
  readonly lifeCycle: LifeCycle;
  readonly trees: AssetTrees;
  readonly statistics: Statistics;
  readonly suppliers: Suppliers;
  readonly attachments: Attachments;
  readonly alarms: Alarms;
  readonly apiKeys: ApiKeys;
  readonly serviceAccounts: ServiceAccounts;
  readonly users: Users;
  readonly serialLists: SerialLists;
  /** What is stored for devices, as it happens. */
  readonly changes: ChangeFeed;
  readonly ota: {
    readonly packages: OtaPackages;
    readonly assignments: OtaAssignments;
    readonly campaigns: OtaCampaigns;
  };
  /** Slows down who guesses keys; the one of wrong device logins, so that both count together. */
  readonly refusalPause: RefusalPause;
  readonly storage: Pick<
    Storage,
    | 'kind'
    | 'rpcs'
    | 'registry'
    | 'attributes'
    | 'telemetry'
    | 'assets'
    | 'customers'
    | 'deadLetters'
    | 'messages'
    | 'audit'
    | 'health'
  >;
  /** Profiles and chains in force; asked anew for each request. */
  readonly profiles: () => ProfileSet;
  readonly generation: () => Generation;
  /** Where messages went, and why. */
  readonly explain: ExplainRing;
  readonly recorder: Recorder;
  /** Changes of the chains in force. */
  readonly chains: ChainControl;
  /** Runs a dead letter again. */
  readonly retryLetter: MessageRunner['retry'];
  /** Tells the chains of something. */
  readonly raise: MessageRunner['raise'];
  /** Pushes messages into the chains and waits for their answer. */
  readonly restRequests: Pick<RestRequests, 'push'>;
  readonly brokers: BrokerControl;
  readonly counters: MessageCounters;
  readonly health: Health;
  readonly metrics: Metrics;
  /** A copy of the store as it is now, as bytes, to be disposed of. Throws NOT_OFFERED, RATE_LIMITED. */
  readonly backup: () => Promise<{ pieces(): AsyncGenerator<Buffer>; dispose(): void }>;
  readonly clock: Clock;
  readonly instance: { readonly id: string; readonly version: string };
}
