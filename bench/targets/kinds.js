/** What any broker can do: it acknowledges, hands on, and stores nothing. */
export const BROKER_KINDS = /** @type {const} */ (['telemetry', 'idle', 'connect', 'herd', 'rpc', 'push']);

/** What a consumer behind a broker can do. */
export const CONSUMER_KINDS = /** @type {const} */ (['telemetry', 'stored']);
/** Where such a consumer says that a message is stored. */
export const STORED_TOPIC = 'devices/{user}/stored';

/** What gridmoor can do. */
export const GRIDMOOR_KINDS = /** @type {const} */ ([...BROKER_KINDS, 'stored', 'provision', 'chain', 'history']);
