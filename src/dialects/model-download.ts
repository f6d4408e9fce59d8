import { parseJson } from '../model/json.ts';
import { type Operation, refuse, reply } from './operation.ts';

/** The thing model of the profile, as it stands there. */
export const getModel: Operation = async ({ api, device, uplink }) => {
  const { document } = api.profile(device.profile)?.model ?? {};
  if (!uplink.takeMessage('model')) return refuse('rateLimited', 'too many messages');
  const model = document && parseJson(JSON.stringify(document), { maxDepth: 64 });
  return model?.ok ? reply('ok', model.value) : refuse('noHandler', 'the profile has no thing model');
};
