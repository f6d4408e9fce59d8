import { defineNode, NodeFailure } from '../../node-kind.ts';

export const assetProfileSwitch = defineNode({
  kind: 'filter/asset-profile-switch',
  thingsboard: { type: 'org.thingsboard.rule.engine.filter.TbAssetTypeSwitchNode', version: 0 },
  version: 0,
  summary: 'Routes a message by the type of the asset that is its originator; what is no asset is a failure.',
  since: '0.3.0',
  fields: {},
  relations: ['*'],
  examples: [
    {
      title: 'A building',
      config: {},
      given: { assets: [{ name: 'B1', type: 'Building' }] },
      msg: { from: 'ASSET B1', data: {} },
      goesTo: 'Building',
    },
    { title: 'A device is no asset', config: {}, msg: { data: {} }, goesTo: 'Failure' },
  ],
  create: () => ({
    onMsg(msg) {
      const { entityType, profile } = msg.originator;
      if (entityType !== 'ASSET') throw new NodeFailure(`the originator is of type ${entityType}, not an asset`);
      return { relation: profile, msg };
    },
  }),
});
