import type { NodeKind } from './node-kind.ts';
import { assignCustomer } from './nodes/action/assign-customer.ts';
import { clearAlarm } from './nodes/action/clear-alarm.ts';
import { createAlarm } from './nodes/action/create-alarm.ts';
import { createRelation } from './nodes/action/create-relation.ts';
import { deleteAttributes } from './nodes/action/delete-attributes.ts';
import { deleteRelation } from './nodes/action/delete-relation.ts';
import { deviceState } from './nodes/action/device-state.ts';
import { log } from './nodes/action/log.ts';
import { math } from './nodes/action/math.ts';
import { messageCount } from './nodes/action/message-count.ts';
import { pushToCloud } from './nodes/action/push-to-cloud.ts';
import { pushToEdge } from './nodes/action/push-to-edge.ts';
import { reply } from './nodes/action/reply.ts';
import { saveAttributes } from './nodes/action/save-attributes.ts';
import { saveTelemetry } from './nodes/action/save-telemetry.ts';
import { synchronizationBegin } from './nodes/action/synchronization-begin.ts';
import { synchronizationEnd } from './nodes/action/synchronization-end.ts';
import { unassignCustomer } from './nodes/action/unassign-customer.ts';
import { generator } from './nodes/debug/generator.ts';
import { calculateDelta } from './nodes/enrich/calculate-delta.ts';
import { customerAttributes } from './nodes/enrich/customer-attributes.ts';
import { customerDetails } from './nodes/enrich/customer-details.ts';
import { originatorAttributes } from './nodes/enrich/originator-attributes.ts';
import { originatorFields } from './nodes/enrich/originator-fields.ts';
import { originatorTelemetry } from './nodes/enrich/originator-telemetry.ts';
import { relatedData } from './nodes/enrich/related-data.ts';
import { relatedDeviceAttributes } from './nodes/enrich/related-device-attributes.ts';
import { tenantAttributes } from './nodes/enrich/tenant-attributes.ts';
import { http } from './nodes/external/http.ts';
import { kafka } from './nodes/external/kafka.ts';
import { mqtt } from './nodes/external/mqtt.ts';
import { mqttPublish } from './nodes/external/mqtt-publish.ts';
import { postgres } from './nodes/external/postgres.ts';
import { rabbitmq } from './nodes/external/rabbitmq.ts';
import { alarmStatus } from './nodes/filter/alarm-status.ts';
import { assetProfileSwitch } from './nodes/filter/asset-profile-switch.ts';
import { checkFields } from './nodes/filter/check-fields.ts';
import { checkRelation } from './nodes/filter/check-relation.ts';
import { conditions } from './nodes/filter/conditions.ts';
import { deviceProfileSwitch } from './nodes/filter/device-profile-switch.ts';
import { msgType } from './nodes/filter/msg-type.ts';
import { msgTypeSwitch } from './nodes/filter/msg-type-switch.ts';
import { originatorType } from './nodes/filter/originator-type.ts';
import { originatorTypeSwitch } from './nodes/filter/originator-type-switch.ts';
import { script as filterScript } from './nodes/filter/script.ts';
import { scriptSwitch } from './nodes/filter/script-switch.ts';
import { ack } from './nodes/flow/ack.ts';
import { chain } from './nodes/flow/chain.ts';
import { checkpoint } from './nodes/flow/checkpoint.ts';
import { deadLetter } from './nodes/flow/dead-letter.ts';
import { delay } from './nodes/flow/delay.ts';
import { output } from './nodes/flow/output.ts';
import { unsupported } from './nodes/flow/unsupported.ts';
import { attach } from './nodes/onboard/attach.ts';
import { findGrid } from './nodes/onboard/find-grid.ts';
import { findSupplier } from './nodes/onboard/find-supplier.ts';
import { supplyPoint } from './nodes/onboard/supply-point.ts';
import { alarmRules } from './nodes/profile/alarm-rules.ts';
import { reply as restReply } from './nodes/rest/reply.ts';
import { call } from './nodes/rpc/call.ts';
import { reply as rpcReply } from './nodes/rpc/reply.ts';
import { changeOriginator } from './nodes/transform/change-originator.ts';
import { copyKeys } from './nodes/transform/copy-keys.ts';
import { deduplication } from './nodes/transform/deduplication.ts';
import { deleteKeys } from './nodes/transform/delete-keys.ts';
import { jsonPath } from './nodes/transform/json-path.ts';
import { renameKeys } from './nodes/transform/rename-keys.ts';
import { script as transformScript } from './nodes/transform/script.ts';
import { setKeys } from './nodes/transform/set-keys.ts';
import { splitArray } from './nodes/transform/split-array.ts';

/** Every node kind there is, in order of kind: nothing registers itself, nothing scans folders at run time. */
export const catalogue = [
  assignCustomer,
  clearAlarm,
  createAlarm,
  createRelation,
  deleteAttributes,
  deleteRelation,
  deviceState,
  log,
  math,
  messageCount,
  pushToCloud,
  pushToEdge,
  reply,
  saveAttributes,
  saveTelemetry,
  synchronizationBegin,
  synchronizationEnd,
  unassignCustomer,
  generator,
  calculateDelta,
  customerAttributes,
  customerDetails,
  originatorAttributes,
  originatorFields,
  originatorTelemetry,
  relatedData,
  relatedDeviceAttributes,
  tenantAttributes,
  http,
  kafka,
  mqtt,
  mqttPublish,
  postgres,
  rabbitmq,
  alarmStatus,
  assetProfileSwitch,
  checkFields,
  checkRelation,
  conditions,
  deviceProfileSwitch,
  msgType,
  msgTypeSwitch,
  originatorType,
  originatorTypeSwitch,
  filterScript,
  scriptSwitch,
  ack,
  chain,
  checkpoint,
  deadLetter,
  delay,
  output,
  unsupported,
  attach,
  findGrid,
  findSupplier,
  supplyPoint,
  alarmRules,
  restReply,
  call,
  rpcReply,
  changeOriginator,
  copyKeys,
  deduplication,
  deleteKeys,
  jsonPath,
  renameKeys,
  transformScript,
  setKeys,
  splitArray,
] as const satisfies readonly NodeKind[];
