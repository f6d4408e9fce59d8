import { bytesOf, connectPacket, packetOf, RawMqtt } from './mqtt-raw.ts';

export interface ProvisionTarget {
  readonly port: number;
  readonly provisionSecret: string;
  readonly provisionKey?: string;
}

/** Provisions devices in one session, as firmware does it, and gives their access tokens. */
export async function provisionDevices(target: ProvisionTarget, names: readonly string[]): Promise<string[]> {
  const tokens: string[] = [];
  for (const deviceName of names) {
    await using raw = await RawMqtt.connect(target.port);
    raw.send(connectPacket(4, deviceName, { username: 'provision' }));
    const request = {
      deviceName,
      provisionDeviceKey: target.provisionKey ?? 'smart-meter',
      provisionDeviceSecret: target.provisionSecret,
    };
    const connack = await raw.nextHex();
    if (connack !== '20:0000') throw new Error(`no provision session: ${connack}`);
    raw.send(
      packetOf(0x30, Buffer.concat([bytesOf("s18 '/provision/request'"), Buffer.from(JSON.stringify(request))])),
    );
    const packet = await raw.next();
    const topicLength = packet?.body.readUInt16BE(0) ?? 0;
    const text = packet?.body.subarray(2 + topicLength + ((packet.first & 0x06) > 0 ? 2 : 0)).toString('utf8') ?? '';
    const answer = JSON.parse(text || '{}') as { status?: string; credentialsValue?: string };
    if (answer.status !== 'SUCCESS' || !answer.credentialsValue) throw new Error(`${deviceName} was refused: ${text}`);
    tokens.push(answer.credentialsValue);
  }
  return tokens;
}
