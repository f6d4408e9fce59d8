import type { Config } from '../config/index.ts';
import { BrokerError } from '../errors.ts';
import { parseHosts, parseNetworks } from '../model/network.ts';
import type { Secret } from '../model/secret.ts';
import { readRegularFile } from '../schema/regular-file.ts';
import { redisConnection } from './redis-connection.ts';
import type { StartOptions } from './start.ts';

const MAX_PEM_BYTES = 1024 * 1024;
/** A load balancer sends its header with the first packet. */
const PROXY_HEADER_TIMEOUT_MS = 3_000;

/** The configuration as the parts take it. Reads TLS files; throws CONFIG_INVALID naming the file. */
export function toStartOptions(
  config: Config,
  keys: { readonly instanceKey: Secret; readonly adminKey: Secret },
  env: Readonly<Record<string, string | undefined>>,
): StartOptions {
  const { apps, mqtt, http, coap, rpc, files, instance, store, limits, gateways } = config;
  const redis = redisConnection(config);
  const proxy = { trusted: parseNetworks(instance.trustedProxies).list, headerTimeoutMs: PROXY_HEADER_TIMEOUT_MS };
  return {
    dataDir: files.dataDir,
    profilesDir: files.profilesDir,
    chainsDir: files.chainsDir,
    allowedHosts: parseHosts(config.rules.allowedHosts).hosts,
    explain: { keep: config.rules.explainKeep, sampleEvery: config.rules.explainSample },
    instanceId: instance.id,
    ...(redis === undefined ? {} : { redis }),
    ...keys,
    env,
    sync: store.sync,
    runLimits: { maxSteps: limits.messageSteps, deadlineMs: limits.messageDeadlineMs },
    queue: { maxWaiting: limits.queuePerDevice, maxWaitingTotal: limits.queueTotal },
    json: { maxDepth: limits.jsonDepth, maxKeys: limits.jsonKeys },
    pauses: { free: limits.freeRefusals, baseMs: limits.refusalPauseMs, maxMs: limits.refusalMaxPauseMs },
    instanceLimits: {
      messages: limits.instanceMessages,
      telemetryMessages: limits.instanceTelemetryMessages,
      telemetryDataPoints: limits.instanceTelemetryDataPoints,
    },
    connectivity: config.state,
    rpc: { ...rpc, keepMs: rpc.keepDays * 86_400_000 },
    longPolls: { max: http.maxLongPolls, maxPerDevice: http.maxLongPollsPerDevice, maxTimeoutMs: http.maxLongPollMs },
    allowClaimingByDefault: config.claiming.allowByDefault,
    maxPackageBytes: config.ota.maxPackageBytes,
    deviceLimits: {
      messages: limits.deviceMessages,
      telemetryMessages: limits.deviceTelemetryMessages,
      telemetryDataPoints: limits.deviceTelemetryDataPoints,
    },
    gatewayLimits: {
      subDevices: {
        messages: gateways.messages,
        telemetryMessages: gateways.telemetryMessages,
        telemetryDataPoints: gateways.telemetryDataPoints,
      },
      own: {
        messages: gateways.ownMessages,
        telemetryMessages: gateways.ownTelemetryMessages,
        telemetryDataPoints: gateways.ownTelemetryDataPoints,
      },
    },
    subDevices: { max: gateways.maxSubDevices, scope: gateways.scope },
    mqtt: {
      tcp: { host: mqtt.bindAddress, port: mqtt.bindPort },
      ...(mqtt.sslEnabled ? { tls: tlsListener(config) } : {}),
      ...(mqtt.wsBindPort === undefined
        ? {}
        : { webSocket: { host: mqtt.bindAddress, port: mqtt.wsBindPort, path: mqtt.wsPath } }),
      maxConnections: mqtt.maxConnections,
      maxPayloadBytes: mqtt.maxPayloadBytes,
      apps: {
        maxConnections: apps.maxConnections,
        maxSessions: apps.maxSessions,
        maxSessionMs: apps.sessionDays * 86_400_000,
        queue: { maxMessages: apps.queueMessages, maxBytes: apps.queueBytes },
        maxRetained: apps.maxRetained,
        publishRate: apps.publishRate,
      },
      ...(mqtt.proxyProtocolEnabled ? { proxy } : {}),
      ...(mqtt.ipLimitsEnabled
        ? {
            addressBlock: {
              maxFailures: mqtt.maxWrongCredentialsPerIp,
              blockMs: mqtt.ipBlockMs,
              maxAddresses: 100_000,
            },
          }
        : {}),
      broker: {
        connectTimeoutMs: mqtt.connectTimeoutMs,
        loginTimeoutMs: mqtt.loginTimeoutMs,
        drainTimeoutMs: mqtt.drainTimeoutMs,
        maxKeepaliveS: mqtt.maxKeepaliveS,
        defaultKeepaliveS: mqtt.defaultKeepaliveS,
      },
    },
    ...(coap.enabled
      ? {
          coap: {
            host: coap.bindAddress,
            port: coap.bindPort,
            maxPayloadBytes: coap.maxPayloadBytes,
            piggybackMs: coap.piggybackTimeoutMs,
            maxRequests: coap.maxRequests,
            maxObservers: coap.maxObservers,
            observerCheckMs: coap.observerCheckMs,
            transmission: { ackTimeoutMs: 2_000, maxRetransmit: 4 },
          },
        }
      : {}),
    http: {
      host: http.bindAddress,
      port: http.bindPort,
      instanceId: instance.id,
      dataDir: files.dataDir,
      ...(redis === undefined ? {} : { redis }),
      maxPayloadBytes: http.maxPayloadBytes,
      maxConnections: mqtt.maxConnections,
      requestTimeoutMs: http.requestTimeoutMs,
      ...(http.proxyProtocolEnabled ? { proxy } : {}),
    },
  };
}

function tlsListener({ mqtt }: Config) {
  const read = (path: string | undefined, field: string): Buffer => {
    if (path === undefined)
      throw new BrokerError('CONFIG_INVALID', { field, detail: `TLS is on, but ${field} is not set` });
    const read = readRegularFile(path, MAX_PEM_BYTES);
    const problem = !read.ok ? read.problem : read.bytes.length === 0 ? 'is empty' : undefined;
    if (read.ok && problem === undefined) return read.bytes;
    throw new BrokerError('CONFIG_INVALID', { field, detail: `${field}: ${path} ${problem}` });
  };
  const passphrase = mqtt.sslPemKeyPassword?.reveal();
  return {
    host: mqtt.bindAddress,
    port: mqtt.sslBindPort,
    options: {
      cert: read(mqtt.sslPemCert, 'MQTT_SSL_PEM_CERT'),
      key: read(mqtt.sslPemKey, 'MQTT_SSL_PEM_KEY'),
      ...(passphrase === undefined ? {} : { passphrase }),
    },
  };
}
