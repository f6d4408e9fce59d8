import { randomBytes } from 'node:crypto';
import type { MadeSecret } from './provision-secrets.ts';
import type { Ports } from './start.ts';

/**
 * Provision secrets that were made at this start, once, with lines that onboard a first meter as they are pasted. Not part of
 * the log: it is for the person who typed. The code in them is synthetic (cups.md 7).
 */
export function printMadeSecrets(
  made: readonly MadeSecret[],
  ports: Ports,
  out: { write(text: string): unknown },
): void {
  const { host, port } = ports.mqtt;
  const cli =
    ports.http.port === 8080 ? 'npx gridmoor' : `GRIDMOOR_URL=http://127.0.0.1:${ports.http.port} npx gridmoor`;
  const to = `-h ${host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host} -p ${port}`;
  for (const { profile, provisionKey, secret, variable } of made) {
    const token = randomBytes(15).toString('base64url');
    const request = JSON.stringify({
      deviceName: 'meter-1',
      provisionDeviceKey: provisionKey,
      provisionDeviceSecret: secret.reveal(),
      credentialsType: 'ACCESS_TOKEN',
      token,
    });
    const where = variable ? `set ${variable} before the start` : 'set it in the profile by reference';
    out.write(`
A provision secret was made for profile "${profile}". It is shown this once, and kept encrypted:

    ${secret.reveal()}

To choose it yourself, ${where}. Paste these lines to onboard a first meter:

    mosquitto_pub ${to} -u provision -q 1 -t /provision -m '${request}'
    SUPPLIER_KEY=$(${cli} supplier create "Sol Energia" --json | sed -n 's/.*"secretKey": *"\\([^"]*\\)".*/\\1/p')
    mosquitto_pub ${to} -u ${token} -q 1 -t v1/devices/me/attributes -m '{"Power_supplier_secret_key":"'$SUPPLIER_KEY'","CUPS":"ES1234000000012345KM"}'
    mosquitto_pub ${to} -u ${token} -q 1 -t v1/devices/me/telemetry -m '{"power_w": 431.5}'
    ${cli} attachment list

`);
  }
}
