import { isJsonObject } from '../../model/json.ts';
import { deleteTags, query, queryTags, remove, saveClient, updateTags } from '../attributes.ts';
import { getConfig } from '../device-config.ts';
import {
  addTopology,
  deleteTopology,
  getTopology,
  loginBatch,
  loginChild,
  logoutChild,
  registerChildren,
} from '../gateway-operations.ts';
import { getModel } from '../model-download.ts';
import type { Operation, Operations } from '../operation.ts';
import { OTA_OPERATIONS } from '../ota.ts';
import { EVENT_POST, eventType, report } from '../reports.ts';
import { postEvent, postSamples, unreadable } from '../uplinks.ts';
import { own, texts } from '../values.ts';
import { postBatch } from './batch.ts';
import { readMeasurepoints } from './measurepoints.ts';

const post =
  (late: boolean): Operation =>
  (thing, request) =>
    postSamples(thing, request, readMeasurepoints(request.params, thing.api.things.clock.now()), late);

const event: Operation = (thing, request) => {
  const { params, path } = request;
  const data = isJsonObject(params) ? (own(params, 'events') ?? {}) : undefined;
  if (!isJsonObject(params) || !isJsonObject(data)) return unreadable(thing, '"events" must be an object');
  return postEvent(thing, request, { type: eventType(path), data, time: own(params, 'time') });
};

const updateAttributes: Operation = (thing, request) => {
  const { params } = request;
  const values = isJsonObject(params) ? own(params, 'attributes') : undefined;
  if (!isJsonObject(values)) return unreadable(thing, '"attributes" must be an object');
  return saveClient(thing, request, values);
};

/** What devices of EnOS publish (registration-protocols 2). */
export const ENOS_OPERATIONS: Operations = {
  exact: new Map<string, Operation>([
    ['thing/measurepoint/post', post(false)],
    ['thing/measurepoint/resume', post(true)],
    ['thing/attribute/update', updateAttributes],
    ['thing/attribute/query', query('attributes')],
    ['thing/attribute/delete', remove('attributes')],
    ['thing/tag/update', updateTags('tagKey', 'tagValue')],
    ['thing/tag/query', queryTags],
    ['thing/tag/delete', deleteTags((params) => texts(params, 'tags'))],
    ['thing/device/register', registerChildren],
    ['thing/topo/add', addTopology],
    ['thing/topo/delete', deleteTopology],
    ['thing/topo/get', getTopology],
    ['combine/login', loginChild],
    ['combine/login/batch', loginBatch('subDevices')],
    ['combine/logout', logoutChild],
    ['thing/measurepoint/post/batch', postBatch(false)],
    ['thing/measurepoint/resume/batch', postBatch(true)],
    ['thing/tsltemplate/get', getModel],
    ['thing/config/get', getConfig],
    ...OTA_OPERATIONS,
    ['thing/log/post', report('DEVICE_LOG')],
    ['network/status/report', report('NETWORK_STATUS')],
    ['connection/state/post', report('CONNECTION_STATE')],
  ]),
  named: [{ path: EVENT_POST, run: event }],
};
