import { isJsonObject, type JsonObject, type JsonValue } from '../../model/json.ts';
import { deleteTags, updateTags } from '../attributes.ts';
import { getConfig } from '../device-config.ts';
import {
  addTopology,
  deleteTopology,
  getTopology,
  loginBatch,
  loginChild,
  logoutBatch,
  logoutChild,
  registerChildren,
} from '../gateway-operations.ts';
import { getModel } from '../model-download.ts';
import type { Operation, Operations } from '../operation.ts';
import { OTA_OPERATIONS } from '../ota.ts';
import { EVENT_POST, eventType, report } from '../reports.ts';
import { postEvent, postSamples, unreadable } from '../uplinks.ts';
import { own } from '../values.ts';
import { deleteDesired, getDesired } from './desired.ts';
import { ntp } from './ntp.ts';
import { postHistory, postPack } from './pack.ts';
import { readProperties } from './properties.ts';
import { shadowUpdate } from './shadow.ts';

const post: Operation = (thing, request) =>
  postSamples(thing, request, readProperties(request.params, thing.api.things.clock.now()));

/** `{value: {…}, time}`, or what the event says itself. */
const event: Operation = (thing, request) => {
  const { params = {}, path } = request;
  if (!isJsonObject(params)) return unreadable(thing, '"params" must be an object');
  const value = own(params, 'value');
  const wrapped = isJsonObject(value);
  const data: JsonObject = wrapped ? value : params;
  return postEvent(thing, request, { type: eventType(path), data, time: wrapped ? own(params, 'time') : undefined });
};

/** `[{attrKey}]` */
function attributeKeys(params: JsonValue | undefined): readonly string[] | undefined {
  if (!Array.isArray(params)) return undefined;
  const keys = params.map((one) => (isJsonObject(one) ? own(one, 'attrKey') : undefined));
  return keys.every((key) => typeof key === 'string') ? keys : undefined;
}

/** What devices of Alibaba publish (registration-protocols 2). */
export const ALIBABA_OPERATIONS: Operations = {
  exact: new Map<string, Operation>([
    ['thing/event/property/post', post],
    ['thing/deviceinfo/update', updateTags('attrKey', 'attrValue')],
    ['thing/deviceinfo/delete', deleteTags(attributeKeys)],
    ['thing/property/desired/get', getDesired],
    ['thing/property/desired/delete', deleteDesired],
    ['shadow/update', shadowUpdate],
    ['thing/sub/register', registerChildren],
    ['thing/sub/unregister', deleteTopology],
    ['thing/topo/add', addTopology],
    ['thing/topo/delete', deleteTopology],
    ['thing/topo/get', getTopology],
    ['thing/list/found', report('DEVICES_FOUND')],
    ['combine/login', loginChild],
    ['combine/batch_login', loginBatch('deviceList')],
    ['combine/logout', logoutChild],
    ['combine/batch_logout', logoutBatch],
    ['thing/event/property/pack/post', postPack],
    ['thing/event/property/history/post', postHistory],
    ['thing/dsltemplate/get', getModel],
    ['thing/dynamicTsl/get', getModel],
    ['thing/config/get', getConfig],
    ...OTA_OPERATIONS,
    ['thing/log/post', report('DEVICE_LOG')],
    ['ext/ntp/request', ntp],
  ]),
  named: [{ path: EVENT_POST, run: event }],
};
