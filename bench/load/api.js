import http from 'node:http';

const NAME = /^prepared-(\d+)$/;
const PAGE_SIZE = 1000;
/** Connections of the caller. */
const AT_ONCE = 50;

/**
 * Calls of gridmoor's management API over connections that stay.
 * @param {{ port: number, adminKey: string }} api
 */
export function apiClient({ port, adminKey }) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: AT_ONCE });
  /**
   * @param {'GET' | 'POST'} method
   * @param {string} path
   * @param {unknown} [body]
   * @returns {Promise<any>}
   */
  const call = (method, path, body) =>
    new Promise((resolve, reject) => {
      const text = body === undefined ? '' : JSON.stringify(body);
      const headers = {
        authorization: `Bearer ${adminKey}`,
        ...(text ? { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) } : {}),
      };
      const request = http.request({ host: '127.0.0.1', port, agent, method, path, headers }, (response) => {
        let answer = '';
        response.setEncoding('utf8').on('data', (chunk) => {
          answer += chunk;
        });
        response.once('end', () => {
          if (response.statusCode === 200) resolve(answer === '' ? undefined : JSON.parse(answer));
          else reject(new Error(`${method} ${path} answered ${response.statusCode}: ${answer.slice(0, 200)}`));
        });
      });
      request.once('error', reject);
      request.end(text);
    });
  return { call, close: () => agent.destroy() };
}

/**
 * Ids of the devices that were provisioned for a run, in the order of their tokens.
 * @param {ReturnType<typeof apiClient>} client
 */
export async function preparedDevices({ call }) {
  /** @type {string[]} */
  const ids = [];
  for (let page = 0; ; page++) {
    const answer = await call('GET', `/api/tenant/devices?pageSize=${PAGE_SIZE}&page=${page}`);
    for (const { id, name } of answer.data) ids[Number(NAME.exec(name)?.[1])] = id.id;
    if (!answer.hasNext) return ids;
  }
}
