import { Connection } from './connection.js';
import { pubackFrame, publishFrame, subscribeFrame } from './frames.js';
import { parsePublish } from './provision.js';

/**
 * A client that subscribes and answers for what comes; resolves when it is subscribed.
 * @param {import('./worker.js').Job} job
 * @param {{ clientId: string, userName: string, index: number, filter: string, onLost: (reason: Error) => void }} who
 * @param {(topic: string, payload: string) => void} onMessage
 */
export async function subscriber(job, { clientId, userName, index, filter, onLost }, onMessage) {
  /** @type {() => void} */
  let subscribed = () => {};
  /** @type {Promise<void>} */
  const ready = new Promise((resolve) => {
    subscribed = resolve;
  });
  const connection = new Connection({
    address: job.address,
    clientId,
    userName,
    login: job.login,
    index,
    onLost,
    onPacket: (firstByte, bytes, start, end) => {
      if (firstByte >> 4 === 9) return subscribed();
      if (firstByte >> 4 !== 3) return;
      const qos = (firstByte >> 1) & 3;
      const { topic, packetId, payload } = parsePublish(bytes.subarray(start, end), qos);
      if (qos === 1) connection.socket.write(pubackFrame(packetId));
      onMessage(topic, payload);
    },
  });
  await connection.connected;
  connection.socket.write(subscribeFrame(filter, 1, 1));
  await ready;
  let sent = 0;
  return {
    close: () => connection.close(),
    /** @param {string} topic @param {string} payload */
    publish: (topic, payload) => connection.socket.write(publishFrame(topic, payload, 1, (sent++ % 65_535) + 1)),
  };
}
