import type { MadeSecret } from './provision-secrets.ts';
import type { Ports } from './start.ts';

/** Provision secrets that were made at this start, once, with lines to paste. Not part of the log: it is for the person who typed. */
export function printMadeSecrets(
  made: readonly MadeSecret[],
  ports: Ports,
  out: { write(text: string): unknown },
): void {
  const { host, port } = ports.mqtt;
  const to = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  for (const { profile, provisionKey, secret, variable } of made) {
    const request = JSON.stringify({
      deviceName: 'meter-1',
      provisionDeviceKey: provisionKey,
      provisionDeviceSecret: secret.reveal(),
    });
    const fix = variable
      ? `To choose it yourself, set ${variable} before the start.`
      : 'To choose it yourself, set it in the profile by reference.';
    out.write(
      [
        '',
        `A provision secret was made for profile "${profile}". It is shown this once, and kept only as a hash:`,
        '',
        `    ${secret.reveal()}`,
        '',
        fix,
        'A first device asks for its token with:',
        '',
        `    mosquitto_rr -h ${to} -p ${port} -u provision -q 1 -t /provision/request -e /provision/response -m '${request}'`,
        '',
        'and then talks with the token as its user name:',
        '',
        `    mosquitto_pub -h ${to} -p ${port} -u TOKEN -q 1 -t v1/devices/me/telemetry -m '{"power_w": 431.5}'`,
        '',
        '',
      ].join('\n'),
    );
  }
}
