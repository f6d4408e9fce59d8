import { flag, integer, text } from '../schema/fields.ts';
import { count, ms, port, setting } from './setting.ts';

/** Settings of the CoAP front. */
export const COAP_SETTINGS = {
  enabled: setting('COAP_ENABLED', flag('Whether CoAP is offered.', { default: true })),
  bindAddress: setting('COAP_BIND_ADDRESS', text('Address that devices reach by CoAP.', { default: '0.0.0.0' })),
  bindPort: setting('COAP_BIND_PORT', port('UDP port of CoAP.', 5683)),
  maxPayloadBytes: setting(
    'COAP_MAX_PAYLOAD_BYTES',
    integer('Largest body of a request, in one message or in blocks.', {
      default: 65_536,
      minimum: 256,
      maximum: 16_777_216,
    }),
  ),
  piggybackTimeoutMs: setting(
    'COAP_PIGGYBACK_TIMEOUT',
    ms('A request without an answer by then is acknowledged empty; the answer follows.', 500),
  ),
  maxRequests: setting('COAP_MAX_REQUESTS', count('Requests under way; further ones are refused with 5.03.', 10_000)),
  maxObservers: setting('COAP_MAX_OBSERVERS', count('Devices that may observe.', 20_000)),
  observerCheckMs: setting(
    'COAP_OBSERVER_CHECK_MS',
    ms('A device that observes is asked whether it is there after so long without a word.', 3_600_000),
  ),
} as const;
