import { BrokerError } from '../errors.ts';
import type { Log } from '../observe/index.ts';
import { createMqttFront, type MqttFrontOptions } from '../transport/mqtt/server.ts';
import { type Core, type CoreOptions, startCore } from './compose.ts';
import { createManagement, type ManagementOptions } from './management.ts';

export interface StartOptions extends CoreOptions {
  readonly mqtt: MqttFrontOptions;
  readonly http: ManagementOptions;
}

export interface Bound {
  readonly host: string;
  readonly port: number;
}

export interface Ports {
  readonly mqtt: Bound;
  readonly mqtts?: Bound;
  readonly ws?: Bound;
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
  const mqtt = createMqttFront(options.mqtt, core.deviceApi, log);
  const management = await createManagement(options.http, core, mqtt, log);
  const stop = async (): Promise<void> => {
    management.drain();
    await mqtt.close();
    await management.close();
    await core.close();
  };
  try {
    const bound = await mqtt.listen();
    const http = await management.listen();
    const { tcp, tls, webSocket } = options.mqtt;
    let stopping: Promise<void> | undefined;
    return {
      core,
      ports: {
        mqtt: { host: tcp.host, port: bound.mqtt },
        ...(tls && bound.mqtts !== undefined ? { mqtts: { host: tls.host, port: bound.mqtts } } : {}),
        ...(webSocket && bound.ws !== undefined ? { ws: { host: webSocket.host, port: bound.ws } } : {}),
        http: { host: options.http.host, port: http },
      },
      stop() {
        stopping ??= stop();
        return stopping;
      },
    };
  } catch (error) {
    await stop();
    throw portProblem(error);
  }
}

function portProblem(error: unknown): BrokerError {
  const { code, address, port } = error as { code?: string; address?: string; port?: number };
  if (code === 'EADDRINUSE') {
    const detail = `${address}:${port} is in use: stop the other program, or set another port (MQTT_BIND_PORT, HTTP_BIND_PORT)`;
    return new BrokerError('CONFIG_INVALID', { detail }, { cause: error });
  }
  if (code === 'EACCES' || code === 'EADDRNOTAVAIL') {
    const detail = `${address}:${port} cannot be bound (${code}): choose an address of this machine and a port above 1023`;
    return new BrokerError('CONFIG_INVALID', { detail }, { cause: error });
  }
  return BrokerError.from(error);
}
