import { BrokerError } from '../errors.ts';
import { stringifyJson } from '../model/json.ts';
import type { Log } from '../observe/index.ts';
import type { ApiAnswer, ApiRequest, EnosApi } from '../provisioning/enos-api.ts';
import type { RefusalPause } from './refusal-pause.ts';

export type { ApiRequest } from '../provisioning/enos-api.ts';

export type ServiceReply =
  /** Compact JSON. */
  | { readonly kind: 'answer'; readonly status: number; readonly text: string }
  | { readonly kind: 'unavailable' }
  | { readonly kind: 'hang-up' };

/** What apps ask that register devices for others, free of any protocol. Never rejects. */
export interface ServiceApi {
  /** A token for a service account. */
  enosToken(body: string, address: string): Promise<ServiceReply>;
  enosDevices(request: ApiRequest): Promise<ServiceReply>;
}

export interface ServiceApiParts {
  readonly enos: EnosApi;
  readonly guessPause: RefusalPause;
  readonly log: Log;
}

export function createServiceApi({ enos, guessPause, log }: ServiceApiParts): ServiceApi {
  const guarded = async (address: string, run: () => Promise<ApiAnswer>): Promise<ServiceReply> => {
    try {
      const { status, body, guess } = await run();
      if (guess && (await guessPause.refused(address)) === 'drop') return { kind: 'hang-up' };
      return { kind: 'answer', status, text: stringifyJson(body) };
    } catch (error) {
      log.error({ event: 'service-api.failed', err: BrokerError.from(error) }, 'a call of a service account failed');
      return { kind: 'unavailable' };
    }
  };
  return {
    enosToken: (body, address) => guarded(address, () => enos.token(body)),
    enosDevices: (request) => guarded(request.address, () => enos.devices(request)),
  };
}
