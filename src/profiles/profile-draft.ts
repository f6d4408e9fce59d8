import type { JsonValue } from '../model/json.ts';
import type { AlarmDefinition } from '../rules/alarms/index.ts';
import type { Issue } from '../schema/issue.ts';
import type { SecretRef } from '../schema/secret-ref.ts';
import type { CertificateChainSpec } from './certificate-chain.ts';
import type { ModelSpec } from './model-schema.ts';
import type { STRATEGIES } from './profile-schema.ts';
import type { ProtobufDraft } from './protobuf.ts';
import type { ProvisionRulesDraft } from './provision-rules.ts';
import type { ConnectLimit, Listeners, ThingDraft } from './thing-profile.ts';
import type { OnExisting } from './thing-schema.ts';
import type { X509Draft } from './x509-schema.ts';

/** A profile as its file says it, whichever form the file has; secrets and schemas are not looked at yet. */
export interface ProfileDraft {
  readonly name: string;
  readonly description: string | undefined;
  readonly transport: 'default' | 'mqtt' | 'coap';
  readonly strategy: (typeof STRATEGIES)[number];
  readonly key: string | undefined;
  readonly secret: SecretRef | undefined;
  readonly quota: number | undefined;
  readonly rate: string | undefined;
  /** Absent: the dialect's own. */
  readonly onExisting: OnExisting | undefined;
  readonly rules: ProvisionRulesDraft;
  /** Absent: the devices speak ThingsBoard's API. */
  readonly thing: ThingDraft | undefined;
  readonly listeners: Listeners;
  readonly connects: ConnectLimit | undefined;
  readonly certificateChain: CertificateChainSpec | undefined;
  readonly x509: X509Draft | undefined;
  readonly telemetryTopic: string | undefined;
  readonly attributesTopic: string | undefined;
  readonly attributesSubscribeTopic: string | undefined;
  readonly sendAckOnValidationException: boolean;
  readonly protobuf: ProtobufDraft | undefined;
  readonly typeCast: boolean;
  readonly telemetrySchema: Readonly<Record<string, unknown>> | undefined;
  readonly attributesSchema: Readonly<Record<string, unknown>> | undefined;
  readonly model: ModelSpec | undefined;
  readonly history: string | undefined;
  readonly keepRetired: string | undefined;
  readonly messages: string | undefined;
  readonly telemetryMessages: string | undefined;
  readonly telemetryDataPoints: string | undefined;
  /** A chain's name, or its id in ThingsBoard. */
  readonly ruleChain: string | undefined;
  readonly secretKeys: readonly string[];
  readonly alarms: readonly AlarmDefinition[];
  /** As ThingsBoard's export has them; empty for rules of other forms. */
  readonly exportedAlarms: readonly JsonValue[];
}

/** JSON pointers of a draft's members in its file. */
export type Places = Readonly<Record<keyof ProfileDraft, string>>;

export interface Parsed {
  readonly draft: ProfileDraft;
  readonly places: Places;
}

/** Takes a finding; the file name is added by the taker. */
export type Report = (finding: Omit<Issue, 'file'>) => void;
