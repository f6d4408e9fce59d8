import type { NodeKind } from './node-kind.ts';
import { clearAlarm } from './nodes/action/clear-alarm.ts';
import { createAlarm } from './nodes/action/create-alarm.ts';
import { log } from './nodes/action/log.ts';
import { reply } from './nodes/action/reply.ts';
import { saveAttributes } from './nodes/action/save-attributes.ts';
import { saveTelemetry } from './nodes/action/save-telemetry.ts';
import { http } from './nodes/external/http.ts';
import { kafka } from './nodes/external/kafka.ts';
import { mqtt } from './nodes/external/mqtt.ts';
import { postgres } from './nodes/external/postgres.ts';
import { rabbitmq } from './nodes/external/rabbitmq.ts';
import { alarmStatus } from './nodes/filter/alarm-status.ts';
import { checkFields } from './nodes/filter/check-fields.ts';
import { conditions } from './nodes/filter/conditions.ts';
import { msgTypeSwitch } from './nodes/filter/msg-type-switch.ts';
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
import { call } from './nodes/rpc/call.ts';
import { reply as rpcReply } from './nodes/rpc/reply.ts';
import { deleteKeys } from './nodes/transform/delete-keys.ts';
import { renameKeys } from './nodes/transform/rename-keys.ts';
import { script as transformScript } from './nodes/transform/script.ts';
import { setKeys } from './nodes/transform/set-keys.ts';

/** Every node kind there is, in order of kind: nothing registers itself, nothing scans folders at run time. */
export const catalogue = [
  clearAlarm,
  createAlarm,
  log,
  reply,
  saveAttributes,
  saveTelemetry,
  http,
  kafka,
  mqtt,
  postgres,
  rabbitmq,
  alarmStatus,
  checkFields,
  conditions,
  msgTypeSwitch,
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
  call,
  rpcReply,
  deleteKeys,
  renameKeys,
  transformScript,
  setKeys,
] as const satisfies readonly NodeKind[];
