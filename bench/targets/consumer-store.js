import { Redis } from 'ioredis';

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
     */
    write(topic, values, text) {
      const device = topic.split('/')[1] ?? '';
      redis.hset(`latest:${device}`, values).catch(failed);
      redis.rpush(`history:${device}`, text).catch(failed);
    },
    /** @param {string} topic @param {string} text */
    save(topic, text) {
      const { values } = JSON.parse(text);
      if (store.accepts(values)) store.write(topic, values, text);
    },
  };
  return store;
}
