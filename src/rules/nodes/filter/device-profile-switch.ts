import { defineNode, deviceOf } from '../../node-kind.ts';

export const deviceProfileSwitch = defineNode({
  kind: 'filter/device-profile-switch',
  thingsboard: { type: 'org.thingsboard.rule.engine.filter.TbDeviceTypeSwitchNode', version: 0 },
  version: 0,
  summary: 'Routes a message by the name of the device profile of its originator; what is no device is a failure.',
  since: '0.3.0',
  fields: {},
  relations: ['*'],
  examples: [
    {
      title: 'A smart meter',
      config: {},
      given: { devices: [{ name: 'meter-1', profile: 'smart-meter' }] },
      msg: { data: {} },
      goesTo: 'smart-meter',
    },
    { title: 'An asset has no device profile', config: {}, msg: { from: 'ASSET B1', data: {} }, goesTo: 'Failure' },
  ],
  create: () => ({ onMsg: (msg) => ({ relation: deviceOf(msg).profile, msg }) }),
});
