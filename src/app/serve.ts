import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BrokerError } from '../errors.ts';
import type { Log } from '../observe/index.ts';
import { createMqttFront, type MqttFrontOptions } from '../transport/mqtt/server.ts';
import { type Core, type CoreOptions, startCore } from './compose.ts';
import { createManagement, type ManagementOptions } from './management.ts';

export interface ServeOptions extends CoreOptions {
  readonly mqtt: MqttFrontOptions;
  readonly http: ManagementOptions;
}

export interface Ports {
  readonly mqtt: { readonly host: string; readonly port: number };
  readonly mqtts?: { readonly host: string; readonly port: number };
  readonly ws?: { readonly host: string; readonly port: number };
  readonly http: { readonly host: string; readonly port: number };
}

export interface Running {
  readonly core: Core;
  readonly ports: Ports;
  /** Not ready, no new connections, what was accepted is finished, sessions told to move, store closed. */
  stop(): Promise<void>;
}

/** Starts the whole broker. Throws BrokerError; then nothing is left running. */
export async function start(options: ServeOptions, log: Log): Promise<Running> {
  const core = await startCore(options, log);
  const mqtt = createMqttFront(options.mqtt, core.deviceApi, log);
  const management = createManagement(options.http, core, mqtt, log);
  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    management.drain();
    await mqtt.close();
    await management.close();
    await core.close();
  };
  try {
    const bound = await mqtt.listen();
    const http = await management.listen();
    const at = (listener: { host: string } | undefined, port: number) => ({ host: listener?.host ?? '', port });
    const { tcp, tls, webSocket } = options.mqtt;
    return {
      core,
      ports: {
        mqtt: at(tcp, bound.mqtt),
        ...(bound.mqtts === undefined ? {} : { mqtts: at(tls, bound.mqtts) }),
        ...(bound.ws === undefined ? {} : { ws: at(webSocket, bound.ws) }),
        http: at(options.http, http),
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
    const detail = `${address}:${port} is in use: stop the other program, or choose another port (MQTT_BIND_PORT, HTTP_BIND_PORT)`;
    return new BrokerError('CONFIG_INVALID', { detail }, { cause: error });
  }
  if (code === 'EACCES') {
    const detail = `${address}:${port} may not be bound by this user: choose a port above 1023`;
    return new BrokerError('CONFIG_INVALID', { detail }, { cause: error });
  }
  return BrokerError.from(error);
}

/** TLS material from files; throws CONFIG_INVALID naming the file. */
export function readPem(path: string, field: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new BrokerError('CONFIG_INVALID', { field, file: path, detail: 'the file cannot be read' }, { cause: error });
  }
}

export const adminKeyPath = (dataDir: string): string => join(dataDir, 'admin.key');
