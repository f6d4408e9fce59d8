import { expect, it } from 'vitest';
import { fitsMethod } from '../../src/dialects/operation.ts';

it.each([
  ['thing/measurepoint/post', 'thing.measurepoint.post'],
  ['combine/login/batch', 'combine.login.batch'],
  ['shadow/update', 'get'],
  // As the published Python SDK of EnOS writes them.
  ['thing/event/overheat/post', 'thing.event.%s.postoverheat'],
  ['ota/device/inform', 'ota.inform'],
  ['ota/device/progress', 'ota.device.progress'],
  ['ota/device/getversion', 'Ota.device.getversion'],
])('a request on %s may name the method %s', (path, method) => {
  expect(fitsMethod(path, method)).toBe(true);
});

it.each([
  ['thing/measurepoint/post', 'thing.measurepoint.resume'],
  ['thing/measurepoint/post', ''],
  ['thing/event/overheat/post', 'thing.measurepoint.post'],
  ['ota/device/inform', 'ota.progress'],
  ['ota/device/inform', 'inform.ota'],
  ['combine/login', 'combine.logout'],
])('a request on %s may not name the method %s', (path, method) => {
  expect(fitsMethod(path, method)).toBe(false);
});
