import type { FastifyInstance } from 'fastify';
import type { DeviceApi } from '../../device-api/index.ts';

export interface ConfigLinkRouteParts {
  readonly deviceApi: Pick<DeviceApi, 'things'>;
  readonly about: (summary: string) => object;
}

/** Configurations by a link that a device was told. */
export function registerConfigLinkRoutes(scope: FastifyInstance, { deviceApi, about }: ConfigLinkRouteParts): void {
  scope.get<{ readonly Params: { readonly link: string } }>(
    '/config/:link',
    about('A configuration, by the link that its device was told.'),
    async (request, reply) => {
      const config = await deviceApi.things.configs.findByLink(request.params.link);
      if (!config) return reply.code(404).send();
      return reply.header('cache-control', 'no-store').type('application/json; charset=utf-8').send(config.text);
    },
  );
}
