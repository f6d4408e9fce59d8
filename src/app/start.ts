import { BrokerError } from '../errors.ts';
import { type Log, watchStalls } from '../observe/index.ts';
import { type CoapFrontOptions, createCoapFront } from '../transport/coap/server.ts';
import { createMqttFront, type MqttFrontOptions } from '../transport/mqtt/server.ts';
import { placeOf } from './brokers.ts';
import { type Core, type CoreOptions, startCore } from './compose.ts';
import { createManagement, type ManagementOptions } from './management.ts';
import type { SharedMetrics } from './workers/shared-metrics.ts';

export interface StartOptions extends CoreOptions {
  readonly mqtt: MqttFrontOptions;
  /** Absent: CoAP is off. */
  readonly coap?: CoapFrontOptions;
  readonly http: ManagementOptions;
  /** Present: this is one of several workers on the same ports. */
  readonly workers?: SharedMetrics;
}

export interface Bound {
  readonly host: string;
  readonly port: number;
}

export interface Ports {
  readonly mqtt: Bound;
  readonly mqtts?: Bound;
  readonly ws?: Bound;
  readonly coap?: Bound;
  readonly http: Bound;
}

export interface Running {
  readonly core: Core;
  readonly ports: Ports;
  /** Not ready, no new connections, sessions told to move, what was accepted finished, store closed. */
  stop(): Promise<void>;
}

/** Starts the whole broker. Throws BrokerError; then nothing is left running. */
export async function start(options: StartOptions, log: Log): Promise<Running> {
  const core = await startCore(options, log);
  const mqtt = createMqttFront(options.mqtt, core.deviceApi, log, core.apps);
  const { deviceApi, clock } = core;
  const coap = options.coap && createCoapFront(options.coap, { deviceApi, clock, log });
  const management = await createManagement(options.http, core, { mqtt, coap }, log, options.workers);
  const stalls = watchStalls(log, clock);
  // Workers on the same ports end together.
  const siblings = options.workers && options.instanceId.replace(/\d+$/, '');
  const isSibling = (id: string): boolean => siblings !== undefined && id.startsWith(siblings);
  const stop = async (): Promise<void> => {
    stalls.stop();
    management.drain();
    core.calls.stop();
    await mqtt.close(core.cluster.instances.others.some(({ id, draining }) => !draining && !isSibling(id)));
    await coap?.close();
    await management.close();
    await core.close();
  };
  try {
    const bound = await mqtt.listen();
    const coapPort = (await coap?.listen())?.port;
    const http = await management.listen();
    const { tcp, tls, webSocket } = options.mqtt;
    const ports: Ports = {
      mqtt: { host: tcp.host, port: bound.mqtt },
      ...(tls && bound.mqtts !== undefined ? { mqtts: { host: tls.host, port: bound.mqtts } } : {}),
      ...(webSocket && bound.ws !== undefined ? { ws: { host: webSocket.host, port: bound.ws } } : {}),
      ...(options.coap && coapPort !== undefined ? { coap: { host: options.coap.host, port: coapPort } } : {}),
      http: { host: options.http.host, port: http },
    };
    core.cluster.own.addresses = Object.fromEntries(
      Object.entries(ports).map(([name, place]: [string, Bound]) => [name, placeOf(place)]),
    );
    // Behind the listeners: nobody waits for it.
    void core.live.testInForce();
    let stopping: Promise<void> | undefined;
    return {
      core,
      ports,
      stop() {
        stopping ??= stop();
        return stopping;
      },
    };
  } catch (error) {
    await stop();
    throw listenProblem(error, options);
  }
}

/** What stands in the way of a listener, in words that name the setting. */
function listenProblem(error: unknown, { mqtt }: StartOptions): BrokerError {
  if (error instanceof BrokerError) return error;
  const { code = '', address, port, syscall } = error as NodeJS.ErrnoException & { address?: string; port?: number };
  const place = `${address ?? mqtt.tcp.host}${port === undefined ? '' : `:${port}`}`;
  const fail = (detail: string): BrokerError => new BrokerError('CONFIG_INVALID', { detail }, { cause: error });
  const setting =
    port === mqtt.tls?.port
      ? 'MQTT_SSL_BIND_PORT'
      : port === mqtt.webSocket?.port
        ? 'MQTT_WS_BIND_PORT'
        : 'MQTT_BIND_PORT';
  if (code === 'EADDRINUSE') return fail(`${place} is in use: stop the other program, or set another ${setting}`);
  if (code === 'EACCES') return fail(`${place} cannot be bound (${code}): choose a ${setting} above 1023`);
  if (syscall === 'getaddrinfo' || code === 'EADDRNOTAVAIL' || code === 'EINVAL') {
    return fail(`${place} is no address of this machine (${code}): correct MQTT_BIND_ADDRESS`);
  }
  if (code.startsWith('ERR_OSSL') || code.startsWith('ERR_CRYPTO') || code.startsWith('ERR_TLS')) {
    const reason = (error as { reason?: unknown }).reason ?? code;
    const settings = 'MQTT_SSL_PEM_CERT, MQTT_SSL_PEM_KEY and MQTT_SSL_PEM_KEY_PASSWORD';
    return fail(`MQTT over TLS cannot start (${String(reason)}): ${settings} do not fit each other`);
  }
  return BrokerError.from(error);
}
