import { alarmStateConformance } from './alarm-state-store.ts';
import { alarmConformance } from './alarm-store.ts';
import { assetConformance } from './asset-store.ts';
import { attachmentConformance } from './attachment-store.ts';
import { attributeConformance } from './attribute-store.ts';
import { connectivityConformance } from './connectivity-store.ts';
import { credentialsConformance } from './credentials.ts';
import { customerConformance } from './customer-store.ts';
import { deviceStateConformance } from './device-state.ts';
import { documentConformance } from './document-store.ts';
import { entityDataConformance } from './entity-data.ts';
import { generationConformance } from './generation-store.ts';
import type { MakeStore } from './harness.ts';
import { messageConformance } from './message-store.ts';
import { otaConformance } from './ota-store.ts';
import { outboxConformance } from './outbox-store.ts';
import { recordConformance } from './record-stores.ts';
import { registryConformance } from './registry-store.ts';
import { rpcConformance } from './rpc-store.ts';
import { wholeStorageConformance } from './storage.ts';
import { supplierConformance } from './supplier-store.ts';
import { telemetryConformance } from './telemetry-store.ts';
import { userConformance } from './user-store.ts';

/** Everything an adapter has to keep; `make` gives a fresh store for each test. */
export function storageConformance(name: string, make: MakeStore): void {
  wholeStorageConformance(name, make);
  registryConformance(name, make);
  credentialsConformance(name, make);
  deviceStateConformance(name, make);
  telemetryConformance(name, make);
  attributeConformance(name, make);
  assetConformance(name, make);
  entityDataConformance(name, make);
  supplierConformance(name, make);
  attachmentConformance(name, make);
  recordConformance(name, make);
  rpcConformance(name, make);
  messageConformance(name, make);
  alarmConformance(name, make);
  alarmStateConformance(name, make);
  generationConformance(name, make);
  otaConformance(name, make);
  outboxConformance(name, make);
  documentConformance(name, make);
  connectivityConformance(name, make);
  customerConformance(name, make);
  userConformance(name, make);
}
