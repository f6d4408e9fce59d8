import { describe, expect, it } from 'vitest';
import { readThingTopic } from '../../src/dialects/thing-topic.ts';

describe('topics of signing dialects', () => {
  it.each([
    ['/sys/pk/dk/thing/measurepoint/post', 'thing/measurepoint/post'],
    ['/ext/session/pk/dk/combine/login/batch', 'combine/login/batch'],
    ['/ota/device/inform/pk/dk', 'ota/device/inform'],
    ['/ext/ntp/pk/dk/request', 'ext/ntp/request'],
    ['/shadow/update/pk/dk', 'shadow/update'],
    ['/sys/pk/dk/a', 'a'],
    ['/ext/rrpc/42/pk/dk/user/get', 'ext/rrpc/42/user/get'],
    ['/ext/rrpc/42/sys/pk/dk/thing/x', 'ext/rrpc/42/thing/x'],
  ])('%s names the device and is about %s', (topic, path) => {
    expect(readThingTopic(topic)).toEqual({ productKey: 'pk', deviceKey: 'dk', path });
  });

  it.each([
    '',
    '/',
    'sys/pk/dk/a',
    '/sys/pk/dk',
    '/sys//dk/a',
    '/sys/pk//a',
    '/shadow/update/pk/dk/more',
    '/ota/device/inform/pk',
    '/ota/device/inform/pk/dk/more',
    '/else/pk/dk/a',
    '/ext/rrpc/42',
    '/ext/rrpc/42/pk/dk',
    '/ext/rrpc/42/sys/pk/dk',
    `/sys/pk/dk/${'a'.repeat(600)}`,
  ])('%s has no meaning', (topic) => {
    expect(readThingTopic(topic)).toBeUndefined();
  });
});
