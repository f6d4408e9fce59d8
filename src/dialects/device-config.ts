import { type Operation, refuse, reply } from './operation.ts';

/** The configuration of the device, as `thing.config.push` tells it. */
export const getConfig: Operation = async ({ api, device, uplink }) => {
  if (!uplink.takeMessage('config')) return refuse('rateLimited', 'too many messages');
  const { configs } = api.things;
  const config = await configs.of(device.id);
  return config ? reply('ok', configs.describe(device, config)) : refuse('invalidParams', 'there is no configuration');
};
