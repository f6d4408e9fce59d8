import type { DeviceApi } from '../../device-api/index.ts';
import { BrokerError } from '../../errors.ts';
import type { Clock } from '../../model/clock.ts';
import type { Log } from '../../observe/index.ts';
import { type Answer, plain } from './answer.ts';
import { CODES, type CoapMessage, codeText, NOTHING } from './codec.ts';
import { Downloads } from './downloads.ts';
import { Endpoint, type EndpointOptions, type Reply } from './endpoint.ts';
import { Observers } from './observers.ts';
import { type CoapRequest, type Peer, readRequest } from './request.ts';
import { Resources } from './resources.ts';
import { readRoute } from './routes.ts';

export interface CoapFrontOptions extends EndpointOptions {
  /** Largest body of a request, in one message or in blocks, bytes. */
  readonly maxPayloadBytes: number;
  /** Devices that may observe. */
  readonly maxObservers: number;
  /** An observation without a word from its device for so long is asked whether it is there, ms. */
  readonly observerCheckMs: number;
}

export interface CoapCounts {
  readonly requests: number;
  /** Requests that came again and were not run again. */
  readonly repeated: number;
  readonly malformed: number;
  readonly busy: number;
  /** Messages of ours that were sent again. */
  readonly retransmitted: number;
  readonly observations: number;
}

/** The CoAP front: RFC 7252 over UDP with Observe (7641) and block-wise transfer (7959). */
export interface CoapFront {
  /** Throws CONFIG_INVALID when the port cannot be bound. */
  listen(): Promise<{ readonly port: number }>;
  /** Takes no new request, answers those under way, tells the observers, closes. */
  close(): Promise<void>;
  readonly counts: CoapCounts;
}

/** Bodies whose blocks are being fetched, in memory. */
const MAX_DOWNLOADS_BYTES = 33_554_432;
const CLOSE_PATIENCE_MS = 5_000;

export function createCoapFront(
  options: CoapFrontOptions,
  deps: { readonly deviceApi: DeviceApi; readonly clock: Clock; readonly log: Log },
): CoapFront {
  const { deviceApi, clock } = deps;
  const log = deps.log.child({ part: 'coap' });
  const downloads = new Downloads(MAX_DOWNLOADS_BYTES, clock);

  const run = async (request: CoapRequest): Promise<Answer | undefined> => {
    const further = downloads.find(request);
    if (further) return further;
    const { block2, code } = request;
    // A further block of an answer that is gone: only a GET may be run for it.
    if (block2 && block2.number > 0 && code !== CODES.get) return plain(CODES.incomplete);
    return resources.answer(request);
  };

  const handle = async (message: CoapMessage, peer: Peer): Promise<Reply | undefined> => {
    const read = readRequest(message, peer);
    if (!read.ok) {
      log.debug({ event: 'coap.refused', address: peer.address, code: codeText(read.code) }, 'coap request refused');
      // RFC 7252 5.4.1: one that need not be acknowledged is let be.
      return message.type === 'con' ? { code: read.code, options: [], payload: NOTHING } : undefined;
    }
    const { request } = read;
    try {
      const answer = await run(request);
      if (log.enabled('debug')) {
        const { kind } = readRoute(request);
        const code = answer ? codeText(answer.code) : 'none';
        log.debug({ event: 'coap.request', route: kind, code, address: peer.address }, 'coap request');
      }
      return answer && (await downloads.reply(request, answer));
    } catch (error) {
      log.error({ event: 'coap.failed', route: readRoute(request).kind, err: error }, 'coap request failed');
      return { code: CODES.internalError, options: [], payload: NOTHING };
    }
  };

  const endpoint = new Endpoint(options, handle, { clock, log });
  const observers = new Observers(
    deviceApi,
    { endpoint, downloads, clock, checkMs: options.observerCheckMs },
    options.maxObservers,
  );
  const resources = new Resources({ deviceApi, observers, clock, maxPayloadBytes: options.maxPayloadBytes });
  return {
    async listen() {
      try {
        return { port: await endpoint.listen() };
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        const detail = `cannot listen on CoAP ${options.host}:${options.port}: ${code ?? String(error)} (COAP_BIND_ADDRESS, COAP_BIND_PORT; COAP_ENABLED=false turns CoAP off)`;
        throw new BrokerError('CONFIG_INVALID', { detail }, { cause: error });
      }
    },
    async close() {
      await endpoint.drain(CLOSE_PATIENCE_MS);
      observers.close();
      await endpoint.close();
    },
    get counts() {
      return { ...endpoint.counts, retransmitted: endpoint.repeats, observations: observers.size };
    },
  };
}
