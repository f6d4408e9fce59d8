import type { FastifyInstance } from 'fastify';
import { BrokerError } from '../errors.ts';

/** Of ThingsBoard's paths that are not offered, those whose last word would pass for the id in one that is. */
const PATHS = [
  '/api/asset/types',
  '/api/device/types',
  '/api/deviceProfile/names',
  '/api/deviceProfileInfo/default',
  '/api/ruleChain/autoAssignToEdgeRuleChains',
  '/api/ruleChain/tbelEnabled',
] as const;

/** They answer as every other path that is not offered, instead of asking for a UUID. */
export function registerNotOffered(scope: FastifyInstance): void {
  for (const path of PATHS) {
    scope.get(path, { schema: { hide: true } }, async () => {
      throw new BrokerError('NOT_OFFERED');
    });
  }
}
