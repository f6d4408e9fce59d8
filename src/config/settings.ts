import { type Field, flag, integer, oneOf, optional, text } from '../schema/fields.ts';
import { APP_SETTINGS } from './app-settings.ts';
import { COAP_SETTINGS } from './coap-settings.ts';
import { count, gatewayRate, instanceRate, ms, path, port, rate, type Setting, secret, setting } from './setting.ts';

/** Every setting there is: section, key. `gridmoor.json` has the same shape. */
export const CONFIG_TREE = {
  mqtt: {
    bindAddress: setting('MQTT_BIND_ADDRESS', text('Address that devices reach by MQTT.', { default: '0.0.0.0' })),
    bindPort: setting('MQTT_BIND_PORT', port('Port of MQTT.', 1883)),
    sslEnabled: setting('MQTT_SSL_ENABLED', flag('Whether MQTT over TLS is offered.', { default: false })),
    sslBindPort: setting('MQTT_SSL_BIND_PORT', port('Port of MQTT over TLS.', 8883)),
    sslPemCert: path('MQTT_SSL_PEM_CERT', optional(text('File with the certificate chain, PEM.'))),
    sslPemKey: path('MQTT_SSL_PEM_KEY', optional(text('File with the private key, PEM.'))),
    sslPemKeyPassword: secret('MQTT_SSL_PEM_KEY_PASSWORD', 'Password of the private key.', 1),
    wsBindPort: setting(
      'MQTT_WS_BIND_PORT',
      optional(integer('Port of MQTT over WebSocket; absent = off.', { minimum: 0, maximum: 65_535 })),
    ),
    wsPath: setting('MQTT_WS_PATH', text('Path of MQTT over WebSocket.', { default: '/mqtt', pattern: '^/' })),
    proxyProtocolEnabled: setting(
      'MQTT_PROXY_PROTOCOL_ENABLED',
      flag('Whether GRIDMOOR_TRUSTED_PROXIES send a PROXY header (v1 or v2) before MQTT, TLS and WebSocket.', {
        default: false,
      }),
    ),
    maxConnections: setting('MQTT_MAX_CONNECTIONS', count('Open connections at most.', 19_000)),
    maxPayloadBytes: setting(
      'MQTT_MAX_PAYLOAD_BYTES',
      integer('Largest remaining length of a packet.', { default: 65_536, minimum: 256, maximum: 268_435_455 }),
    ),
    ipLimitsEnabled: setting(
      'MQTT_IP_LIMITS_ENABLED',
      flag('Whether an address with too many wrong logins is dropped at accept for a while.', { default: false }),
    ),
    maxWrongCredentialsPerIp: setting(
      'MQTT_MAX_WRONG_CREDENTIALS_PER_IP',
      count('Wrong logins of one address until then; a good one resets.', 10),
    ),
    ipBlockMs: setting('MQTT_IP_BLOCK_MS', ms('How long, from the last wrong login.', 60_000)),
    connectTimeoutMs: setting('MQTT_CONNECT_TIMEOUT_MS', ms('Time to the CONNECT packet.', 10_000)),
    loginTimeoutMs: setting('MQTT_LOGIN_TIMEOUT_MS', ms('Time for a login to be decided.', 5_000)),
    drainTimeoutMs: setting('MQTT_DRAIN_TIMEOUT_MS', ms('A peer that reads nothing for so long is closed.', 3_000)),
    defaultKeepaliveS: setting(
      'MQTT_DEFAULT_KEEPALIVE_S',
      integer('Keep-alive of a CONNECT without one. Seconds.', { default: 600, minimum: 1, maximum: 65_535 }),
    ),
    maxKeepaliveS: setting(
      'MQTT_MAX_KEEPALIVE_S',
      integer('Longest keep-alive. Seconds.', { default: 3_600, minimum: 1, maximum: 65_535 }),
    ),
  },
  http: {
    bindAddress: setting('HTTP_BIND_ADDRESS', text('Address of the HTTP APIs.', { default: '0.0.0.0' })),
    bindPort: setting('HTTP_BIND_PORT', port('Port of the HTTP APIs.', 8080)),
    maxPayloadBytes: setting(
      'HTTP_MAX_PAYLOAD_BYTES',
      integer('Largest request body.', { default: 65_536, minimum: 256, maximum: 268_435_456 }),
    ),
    requestTimeoutMs: setting('HTTP_REQUEST_TIMEOUT_MS', ms('Time for a request to arrive whole.', 10_000)),
    proxyProtocolEnabled: setting(
      'HTTP_PROXY_PROTOCOL_ENABLED',
      flag('Whether GRIDMOOR_TRUSTED_PROXIES send a PROXY header (v1 or v2) before HTTP.', { default: false }),
    ),
    maxLongPolls: setting('HTTP_MAX_LONG_POLLS', count('Requests of all devices that may wait for an update.', 5_000)),
    maxLongPollsPerDevice: setting('HTTP_MAX_LONG_POLLS_PER_DEVICE', count('The same of one device.', 4)),
    maxLongPollMs: setting('HTTP_MAX_LONG_POLL_MS', ms('Longest time that such a request may wait.', 300_000)),
  },
  coap: COAP_SETTINGS,
  files: {
    dataDir: path(
      'GRIDMOOR_DATA_DIR',
      text('Folder of the embedded store and of generated keys.', { default: './data' }),
    ),
    profilesDir: {
      ...path('GRIDMOOR_PROFILES_DIR', optional(text('Folder of the device profiles.')) as Field<string>),
      defaultText: '`./device-profiles`, or the shipped one when there is none',
    },
    chainsDir: {
      ...path('GRIDMOOR_CHAINS_DIR', optional(text('Folder of the rule chains.')) as Field<string>),
      defaultText: '`./rule-chains`, or the shipped one when there is none',
    },
  },
  instance: {
    id: {
      ...setting(
        'GRIDMOOR_INSTANCE_ID',
        optional(
          text(
            'Name of this broker in logs and lists; behind one Redis each has its own, and a second one is refused.',
            { pattern: '^[A-Za-z0-9._-]{1,64}$' },
          ),
        ) as Field<string>,
      ),
      defaultText: 'the host name',
    },
    workers: setting(
      'GRIDMOOR_WORKERS',
      integer(
        'Brokers that one command runs on the same ports, each in a process of its own; above 1 with Redis only.',
        {
          default: 1,
          minimum: 1,
          maximum: 64,
        },
      ),
    ),
    trustedProxies: setting(
      'GRIDMOOR_TRUSTED_PROXIES',
      text(
        'Addresses and networks of load balancers, with commas between. With the PROXY protocol on, their connections must begin with its header; others come as they are.',
        { default: '', examples: ['10.0.3.7,10.1.0.0/24'] },
      ),
    ),
    adminKey: secret('GRIDMOOR_ADMIN_KEY', 'Key of the management API; made in the data folder when absent.', 8),
    secretKey: secret(
      'GRIDMOOR_SECRET_KEY',
      'Instance key that all hashes and sealed values hang on; made in the data folder when absent.',
      16,
    ),
  },
  log: {
    level: setting(
      'LOG_LEVEL',
      oneOf('Least level that is logged.', ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], {
        default: 'info',
      }),
    ),
  },
  store: {
    sync: setting(
      'GRIDMOOR_STORE_SYNC',
      flag('Whether a commit is on disk before it is acknowledged: survives power loss.', { default: true }),
    ),
  },
  redis: {
    url: secret(
      'REDIS_URL',
      'Redis that several brokers share, as redis://user:password@host:port/database, or rediss:// for TLS. Absent, as are the other ways to name one: the embedded store.',
      1,
    ),
    connectionType: setting(
      'REDIS_CONNECTION_TYPE',
      optional(
        oneOf('What kind of Redis it is; by default what the other settings tell.', [
          'standalone',
          'cluster',
          'sentinel',
        ]),
      ),
    ),
    host: setting('REDIS_HOST', optional(text('Host of a standalone Redis.'))),
    port: setting('REDIS_PORT', integer('Its port.', { default: 6379, minimum: 1, maximum: 65_535 })),
    nodes: setting(
      'REDIS_NODES',
      optional(
        text('Some nodes of a Redis Cluster, as host:port with commas between.', { examples: ['a:6379,b:6379'] }),
      ),
    ),
    master: setting('REDIS_MASTER', optional(text('Name of the master that the Sentinels watch.'))),
    sentinels: setting(
      'REDIS_SENTINELS',
      optional(text('Sentinels, as host:port with commas between.', { examples: ['a:26379,b:26379'] })),
    ),
    sentinelPassword: secret('REDIS_SENTINEL_PASSWORD', 'Password of the Sentinels.', 1),
    username: setting('REDIS_USERNAME', optional(text('User of Redis (ACL).'))),
    password: secret('REDIS_PASSWORD', 'Password of Redis.', 1),
    db: setting(
      'REDIS_DB',
      integer('Number of the database; a Cluster has 0 only.', { default: 0, minimum: 0, maximum: 65_535 }),
    ),
    waitReplicas: setting(
      'REDIS_WAIT_REPLICAS',
      integer('Replicas that must have a write before it is acknowledged; 0 = the master alone.', {
        default: 0,
        minimum: 0,
        maximum: 10,
      }),
    ),
    sslEnabled: setting('TB_REDIS_SSL_ENABLED', flag('Whether Redis is reached over TLS.', { default: false })),
    sslCa: path(
      'TB_REDIS_SSL_PEM_CERT',
      optional(text('File with the authorities that sign its certificate, PEM; absent = those of Node.')),
    ),
    sslCert: path(
      'TB_REDIS_SSL_PEM_KEY',
      optional(text('File with our own certificate, PEM, where Redis asks for one.')),
    ),
    sslKey: path(
      'TB_REDIS_SSL_PEM_KEY_PASSWORD',
      optional(text('File with the private key of that certificate, PEM.')),
    ),
  },
  rpc: {
    strategy: setting(
      'GRIDMOOR_RPC_STRATEGY',
      oneOf(
        'When the next call to a device may leave: at once, after the acknowledgement of the one before, or after its response.',
        ['BURST', 'SEQUENTIAL_ON_ACK_FROM_DEVICE', 'SEQUENTIAL_ON_RESPONSE_FROM_DEVICE'],
        { default: 'BURST' },
      ),
    ),
    defaultTimeoutMs: setting('GRIDMOOR_RPC_DEFAULT_TIMEOUT_MS', ms('Time of a call to a device without one.', 10_000)),
    minTimeoutMs: setting('GRIDMOOR_RPC_MIN_TIMEOUT_MS', ms('Shortest such time.', 5_000)),
    clientTimeoutMs: setting(
      'GRIDMOOR_RPC_CLIENT_TIMEOUT_MS',
      ms('A call of a device that no chain answers gets {"error":"timeout"} after this.', 60_000),
    ),
    ackTimeoutMs: setting('GRIDMOOR_RPC_ACK_TIMEOUT_MS', ms('Time for a device to acknowledge a call.', 10_000)),
    maxRetries: setting(
      'GRIDMOOR_RPC_MAX_RETRIES',
      integer('Times a persistent call is delivered again.', { default: 5, minimum: 0, maximum: 1_000 }),
    ),
    closeOnDeliveryTimeout: setting(
      'GRIDMOOR_RPC_CLOSE_ON_DELIVERY_TIMEOUT',
      flag('Whether a device that does not acknowledge a call in time is disconnected.', { default: false }),
    ),
    maxPerDevice: setting('GRIDMOOR_RPC_MAX_PER_DEVICE', count('Calls of one device, each way, that may wait.', 100)),
    maxTotal: setting('GRIDMOOR_RPC_MAX_TOTAL', count('Calls, each way, that may wait in all.', 20_000)),
    keepDays: setting(
      'GRIDMOOR_RPC_KEEP_DAYS',
      integer('Days that a finished persistent call is kept.', { default: 30, minimum: 1, maximum: 36_500 }),
    ),
  },
  limits: {
    deviceMessages: rate('GRIDMOOR_DEVICE_MESSAGES', 'Messages other than telemetry and attributes'),
    deviceTelemetryMessages: rate('GRIDMOOR_DEVICE_TELEMETRY_MESSAGES', 'Telemetry and attribute messages'),
    deviceTelemetryDataPoints: rate('GRIDMOOR_DEVICE_TELEMETRY_DATA_POINTS', 'Keys in telemetry and attributes'),
    instanceMessages: instanceRate('GRIDMOOR_INSTANCE_MESSAGES', 'Messages other than telemetry and attributes'),
    instanceTelemetryMessages: instanceRate('GRIDMOOR_INSTANCE_TELEMETRY_MESSAGES', 'Telemetry and attribute messages'),
    instanceTelemetryDataPoints: instanceRate(
      'GRIDMOOR_INSTANCE_TELEMETRY_DATA_POINTS',
      'Keys in telemetry and attributes',
    ),
    freeRefusals: setting(
      'GRIDMOOR_FREE_REFUSALS',
      integer('Refused logins or provisionings of one address before answers are held back.', {
        default: 10,
        minimum: 0,
        maximum: 1_000_000,
      }),
    ),
    refusalPauseMs: setting('GRIDMOOR_REFUSAL_PAUSE_MS', ms('First pause after that; it doubles each time.', 1_000)),
    refusalMaxPauseMs: setting('GRIDMOOR_REFUSAL_MAX_PAUSE_MS', ms('Longest such pause.', 60_000)),
    messageDeadlineMs: setting('GRIDMOOR_MESSAGE_DEADLINE_MS', ms('Time for one message in its chains.', 10_000)),
    messageSteps: setting('GRIDMOOR_MESSAGE_STEPS', count('Nodes that one message may visit.', 256)),
    queuePerDevice: setting('GRIDMOOR_QUEUE_PER_DEVICE', count('Messages of one device that may wait.', 1_000)),
    queueTotal: setting('GRIDMOOR_QUEUE_TOTAL', count('Messages that may wait in all.', 50_000)),
    jsonDepth: setting(
      'GRIDMOOR_JSON_DEPTH',
      integer('Levels of nesting in JSON from devices.', { default: 32, minimum: 2, maximum: 1_000 }),
    ),
    jsonKeys: setting('GRIDMOOR_JSON_KEYS', count('Members in one JSON text from a device.', 10_000)),
  },
  rules: {
    explainKeep: setting(
      'GRIDMOOR_EXPLAIN_KEEP',
      integer('Messages whose way is kept for explain: so many that failed, and so many others.', {
        default: 1_000,
        minimum: 1,
        maximum: 100_000,
      }),
    ),
    explainSample: setting(
      'GRIDMOOR_EXPLAIN_SAMPLE',
      integer('One message in so many is traced step by step; 0 = none.', {
        default: 1_000,
        minimum: 0,
        maximum: 1_000_000_000,
      }),
    ),
    allowedHosts: setting(
      'GRIDMOOR_ALLOWED_HOSTS',
      text(
        'Hosts that nodes of rule chains may call by HTTP although their addresses are not public: names, addresses, networks, with commas between.',
        { default: '', examples: ['crm.internal,10.1.0.0/16'] },
      ),
    ),
  },
  state: {
    inactivityTimeoutMs: setting(
      'GRIDMOOR_INACTIVITY_TIMEOUT_MS',
      ms('Silence after which a device is inactive; its server attribute inactivityTimeout wins.', 600_000),
    ),
    checkIntervalMs: setting('GRIDMOOR_STATE_CHECK_INTERVAL_MS', ms('How often silence is looked for.', 60_000)),
    reportIntervalMs: setting(
      'GRIDMOOR_ACTIVITY_REPORT_MS',
      ms('The last activity of a device is stored at most so often.', 3_000),
    ),
  },
  ota: {
    maxPackageBytes: setting(
      'GRIDMOOR_OTA_MAX_PACKAGE_BYTES',
      integer('Largest firmware or software package.', { default: 134_217_728, minimum: 1, maximum: 2_147_483_648 }),
    ),
  },
  apps: APP_SETTINGS,
  claiming: {
    allowByDefault: setting(
      'GRIDMOOR_ALLOW_CLAIMING_BY_DEFAULT',
      flag('Whether devices without the server attribute claimingAllowed may be claimed.', { default: true }),
    ),
  },
  gateways: {
    maxSubDevices: setting(
      'GRIDMOOR_GATEWAY_SUB_DEVICES',
      integer('Devices that one gateway may create, or have open at once.', {
        default: 2_000,
        minimum: 1,
        maximum: 100_000,
      }),
    ),
    scope: setting(
      'GRIDMOOR_GATEWAY_SCOPE',
      oneOf(
        'Devices a gateway may speak for: those with a relation from it, or, as in ThingsBoard, any by its name.',
        ['related', 'any'],
        { default: 'related' },
      ),
    ),
    messages: gatewayRate('GRIDMOOR_GATEWAY_MESSAGES', "Other messages of all of a gateway's sub-devices together"),
    telemetryMessages: gatewayRate(
      'GRIDMOOR_GATEWAY_TELEMETRY_MESSAGES',
      "Telemetry and attribute messages of all of a gateway's sub-devices together",
    ),
    telemetryDataPoints: gatewayRate(
      'GRIDMOOR_GATEWAY_TELEMETRY_DATA_POINTS',
      "Keys in telemetry and attributes of all of a gateway's sub-devices together",
    ),
    ownMessages: gatewayRate('GRIDMOOR_GATEWAY_DEVICE_MESSAGES', "A gateway's own messages; its profile's limit wins"),
    ownTelemetryMessages: gatewayRate(
      'GRIDMOOR_GATEWAY_DEVICE_TELEMETRY_MESSAGES',
      "A gateway's own telemetry and attribute messages; its profile's limit wins",
    ),
    ownTelemetryDataPoints: gatewayRate(
      'GRIDMOOR_GATEWAY_DEVICE_TELEMETRY_DATA_POINTS',
      "Keys in a gateway's own telemetry and attributes; its profile's limit wins",
    ),
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, Setting<unknown>>>>>;

type Tree = typeof CONFIG_TREE;
type ValueOf<S> = S extends { readonly field: Field<infer T> } ? T : never;

/** The full configuration: nothing is left to be filled in. Folders and files are absolute paths. */
export type Config = { readonly [S in keyof Tree]: { readonly [K in keyof Tree[S]]: ValueOf<Tree[S][K]> } };

/** A setting with its place in the tree. */
export interface Leaf extends Setting<unknown> {
  readonly section: string;
  readonly key: string;
  /** JSON pointer in `gridmoor.json`: `/mqtt/bindPort`. */
  readonly at: string;
  /** As a flag of `serve`: `mqtt-bind-port`. */
  readonly flag: string;
}

export const LEAVES: readonly Leaf[] = Object.entries(CONFIG_TREE).flatMap(([section, settings]) =>
  Object.entries(settings as Readonly<Record<string, Setting<unknown>>>).map(([key, leaf]) => ({
    ...leaf,
    section,
    key,
    at: `/${section}/${key}`,
    flag: leaf.env
      .toLowerCase()
      .replaceAll('_', '-')
      .replace(/^gridmoor-/, ''),
  })),
);

/** Where a value came from; `name` is the variable, flag or file. */
export type Source =
  | { readonly kind: 'default' }
  | { readonly kind: 'flag' | 'environment' | 'file'; readonly name: string };

/** By JSON pointer: `/mqtt/bindPort`. */
export type Sources = Readonly<Record<string, Source>>;
