import { Redis } from 'ioredis';
import { STORED_TOPIC } from './kinds.js';

/** @param {string} topic  Of telemetry. */
const deviceOf = (topic) => topic.split('/')[1] ?? '';

/** @param {string} topic  Of telemetry. */
export const storedTopicOf = (topic) => STORED_TOPIC.replace('{user}', deviceOf(topic));

/**
 * The work behind a plain broker, as lean as it can be written: one history list and one hash of latest values a device,
 * commands of a turn in one pipeline. `values` are checked as the rule: an object of finite numbers.
 * @param {number} port
 */
export function openStore(port) {
  const redis = new Redis(port, '127.0.0.1', { enableAutoPipelining: true });
  /** @param {Error} error */
  const failed = (error) => {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  };
  const store = {
    /** @param {unknown} values */
    accepts: (values) =>
      typeof values === 'object' && values !== null && Object.values(values).every((value) => Number.isFinite(value)),
    /**
     * @param {string} topic
     * @param {Record<string, number>} values
     * @param {string} text  The message as it came.
     * @param {(topic: string) => void} [onStored]
     */
    write(topic, values, text, onStored) {
      const device = deviceOf(topic);
      redis.hset(`latest:${device}`, values).catch(failed);
      redis.rpush(`history:${device}`, text).then(onStored && (() => onStored(topic)), failed);
    },
    /** @param {string} topic @param {string} text @param {(topic: string) => void} [onStored] */
    save(topic, text, onStored) {
      const { values } = JSON.parse(text);
      if (store.accepts(values)) store.write(topic, values, text, onStored);
    },
  };
  return store;
}
