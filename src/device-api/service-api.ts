import { BrokerError } from '../errors.ts';
import { stringifyJson } from '../model/json.ts';
import type { Log } from '../observe/index.ts';
import type { ApiAnswer, ApiRequest, EnosApi } from '../provisioning/enos-api.ts';
import type { RegisterByFunction } from '../provisioning/function-compute.ts';
import { parseFunctionRequest } from '../provisioning/function-request.ts';
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
  enosCertificates(request: ApiRequest): Promise<ServiceReply>;
  /** The triple of a device, as a function of Alibaba's gives it (registration-protocols 1.6). */
  functionRegister(productKey: string, body: string, peer: Peer): Promise<ServiceReply>;
}

export interface Peer {
  readonly address: string;
  readonly secure: boolean;
}

export interface ServiceApiParts {
  readonly enos: EnosApi;
  readonly registerByFunction: RegisterByFunction;
  readonly guessPause: RefusalPause;
  readonly log: Log;
}

/** One for all reasons: nobody learns which devices there are. */
const FORBIDDEN = { status: 403, body: { code: 403, message: 'the device is not let in' } } as const;
const FULL = { status: 429, body: { code: 429, message: 'the product holds no more devices' } } as const;

export function createServiceApi({ enos, registerByFunction, guessPause, log }: ServiceApiParts): ServiceApi {
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
    enosCertificates: (request) => guarded(request.address, () => enos.certificates(request)),
    functionRegister: (productKey, body, peer) =>
      guarded(peer.address, async () => {
        const parsed = parseFunctionRequest(body);
        if (!parsed.ok) return { status: 400, body: { code: 400, message: parsed.problem }, guess: false };
        const result = await registerByFunction({ productKey, ...parsed.request, ...peer });
        if (result.kind !== 'refused') {
          const { deviceSecret } = result;
          return { status: 200, body: { productKey, deviceName: parsed.request.deviceId, deviceSecret }, guess: false };
        }
        const isFull = result.reason === 'quota-reached';
        return isFull ? { ...FULL, guess: false } : { ...FORBIDDEN, guess: true };
      }),
  };
}
