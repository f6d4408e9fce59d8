/** What any broker can do: it acknowledges, hands on, and stores nothing. */
export const BROKER_KINDS = /** @type {const} */ (['telemetry', 'idle', 'connect', 'herd', 'rpc', 'push']);

/** What gridmoor can do. */
export const GRIDMOOR_KINDS = /** @type {const} */ ([...BROKER_KINDS, 'provision', 'chain', 'history']);
