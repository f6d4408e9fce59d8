/** MQTT 3.1.1 packets as bytes. Built once before a run; only telemetry frames are patched while it runs. */

/** @param {string} text */
function field(text) {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** @param {number} value */
function uint16(value) {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

/**
 * @param {number} firstByte
 * @param {Buffer[]} parts
 */
function packet(firstByte, parts) {
  const body = Buffer.concat(parts);
  const header = [firstByte];
  for (let rest = body.length; ; ) {
    const digit = rest % 128;
    rest = (rest - digit) / 128;
    header.push(rest > 0 ? digit + 128 : digit);
    if (rest === 0) break;
  }
  return Buffer.concat([Buffer.from(header), body]);
}

/** Longer than any run, so that no PINGREQ is part of a measurement. */
const KEEP_ALIVE_SECONDS = 300;

/**
 * CONNECT with a clean session and a user name.
 * @param {string} clientId
 * @param {string} userName
 * @param {string} [password]
 */
export function connectFrame(clientId, userName, password) {
  return packet(0x10, [
    field('MQTT'),
    Buffer.from([4, password === undefined ? 0x82 : 0xc2]),
    uint16(KEEP_ALIVE_SECONDS),
    field(clientId),
    field(userName),
    ...(password === undefined ? [] : [field(password)]),
  ]);
}

/**
 * @param {string} topic
 * @param {string | Buffer} payload
 * @param {0 | 1} qos
 * @param {number} [packetId]
 */
export function publishFrame(topic, payload, qos, packetId = 1) {
  const id = qos === 0 ? [] : [uint16(packetId)];
  return packet(0x30 | (qos << 1), [field(topic), ...id, Buffer.from(payload)]);
}

/**
 * @param {string} filter
 * @param {0 | 1} qos
 * @param {number} packetId
 */
export function subscribeFrame(filter, qos, packetId) {
  return packet(0x82, [uint16(packetId), field(filter), Buffer.from([qos])]);
}

/** @param {number} packetId */
export function pubackFrame(packetId) {
  return packet(0x40, [uint16(packetId)]);
}

export const DISCONNECT = packet(0xe0, []);
