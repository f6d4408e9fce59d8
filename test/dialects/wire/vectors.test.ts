import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { SignatureHash } from '../../../src/dialects/wire/dialect.ts';
import { parseSignedNames } from '../../../src/dialects/wire/login-names.ts';
import { apiSignature, tokenSignature } from '../../../src/dialects/wire/service-account.ts';
import {
  httpLoginContent,
  isSignature,
  loginContent,
  registrationContent,
  sign,
  signatureHash,
} from '../../../src/dialects/wire/signature.ts';
import { groupDeviceKey, tbp1Content, tbp1DeviceKey, tbp1Signature } from '../../../src/dialects/wire/tbp1.ts';

/** A CONNECT of the vectors, read and verified as the broker does it. */
function verifies(
  dialect: 'enos' | 'alibaba',
  connect: { readonly clientId: string; readonly userName: string; readonly password: string },
  secret: string,
): boolean {
  const names = parseSignedNames(connect.clientId, connect.userName);
  if (!names) throw new Error(`${connect.clientId} is not of the signed form`);
  const { clientId, device, productKey } = names;
  const hash = signatureHash(dialect, clientId.parameters.get('signmethod'));
  if (!hash) throw new Error('no hash');
  const timestamp = clientId.parameters.get('timestamp');
  const content = loginContent(dialect, { clientId: clientId.name, device, productKey, timestamp });
  return isSignature(connect.password, content, { dialect, hash, secret });
}

const deviceSecret = 'dS-0123456789abcdef';
const productSecret = 'pS-fedcba9876543210';
const userName = 'dK987654&pK11111';

describe('EnOS vectors', () => {
  const e1 = (method: string, mode = 2): string =>
    `id123456|securemode=${mode},signmethod=${method},timestamp=1234567890|`;
  it.each([
    ['sha256', '65f6002c9364d5b98b9beb727852dd965d14f409d3131f5d7672a739c8b77a87'],
    ['sha1', 'F276430A45EF950B58555DE68CD3A9A5FC11381A'],
    ['md5', '8916b31be9cd4baef7e1b9533da6d536'],
    ['hmacsha256', '65f6002c9364d5b98b9beb727852dd965d14f409d3131f5d7672a739c8b77a87'],
  ])('E1 static login with %s, in either case', (method, password) => {
    for (const given of [password.toUpperCase(), password.toLowerCase()]) {
      expect(verifies('enos', { clientId: e1(method), userName, password: given }, deviceSecret)).toBe(true);
    }
    expect(verifies('enos', { clientId: e1(method), userName, password }, `${deviceSecret}.`)).toBe(false);
  });

  it('E1 the true HMAC is no signature of EnOS', () => {
    const password = '3fd261b935ea19c0a23d0e85e9df605987c1569b185fe4fe0dc52a156b821ca5';
    const content = 'clientIdid123456deviceKeydK987654productKeypK11111timestamp1234567890';
    expect(sign(content, { dialect: 'alibaba', hash: 'sha256', secret: deviceSecret }).toString('hex')).toBe(password);
    expect(verifies('enos', { clientId: e1('hmacsha256'), userName, password }, deviceSecret)).toBe(false);
  });

  it('E2 dynamic activation with the product secret', () => {
    const password = '815AA3EF7B37E86DB427E8F04EE938AAF0983DED06281DACE1DBDFDD14F0F06E';
    expect(verifies('enos', { clientId: e1('sha256', 3), userName, password }, productSecret)).toBe(true);
  });

  it.each([
    [
      'E3 Python, an alias and a fraction in the timestamp',
      'dK987654|securemode=2,signmethod=hmacsha256,timestamp=1700000000000.123|',
      'f47cacf7dadf10964f10c596900b8662650bec043c67cf81bb27ef563831e4e6',
      deviceSecret,
    ],
    [
      'E4 Java, braces in the client id',
      'dK987654{ip=10.0.0.5,version=2.2.19}|securemode=2,signmethod=sha256,timestamp=1700000000000|',
      '14a1964788e6a430536fd1bf912df7a57ca8f3b71d222f4e58e5015d6cd16563',
      deviceSecret,
    ],
    [
      'E5 C, a timestamp in 2050',
      'pK11111.dK987654|securemode=2,signmethod=sha256,timestamp=2524608000000|',
      'B6CADAF7AE76A148761438818231AEC8302ABD4F39E3BFB2DC6A3DEC26F8673B',
      deviceSecret,
    ],
    [
      'E6 C, dynamic activation',
      'pK11111.dK987654|securemode=3,signmethod=sha256,timestamp=2524608000000|',
      'AB4F7EEB56E4264AEC02F6119AECDA71379E8D375E22A40DD7F08B13656FBAD1',
      productSecret,
    ],
  ])('%s', (_title, clientId, password, secret) => {
    expect(verifies('enos', { clientId, userName, password }, secret)).toBe(true);
  });

  it('E7 message integration', () => {
    const connect = {
      clientId: 'pK11111|securemode=4,signmethod=sha256,timestamp=1700000000000|',
      userName: '%channel%&pK11111',
      password: '1af4064a8a83ad5dbf019d821464805bbdf8f1bc9bf0446d1a4691b1aaa71cf6',
    };
    expect(verifies('enos', connect, productSecret)).toBe(true);
  });

  it('E8 token of a service account', () => {
    const what = { appKey: 'ak-demo', timestamp: '1700000000000', appSecret: 'as-demo-secret' };
    expect(tokenSignature(what).toString('hex')).toBe(
      '06f36f126a2ef0e785ea735624ff6f70682486f21869a209b082e9667c30c680',
    );
  });

  it('E9 creation of a device', () => {
    const body =
      '{"productKey":"pK11111","timezone":"+08:00","deviceName":{"defaultValue":"rod-1"},"deviceKey":"dK987654"}';
    const call = {
      accessToken: 'at-demo-token',
      query: [
        ['orgId', 'o-demo'],
        ['action', 'create'],
      ] as const,
      body,
      timestamp: '1700000000000',
      appSecret: 'as-demo-secret',
    };
    expect(apiSignature(call).toString('hex')).toBe('29c6ec7f170725a8f34bd1075441e59352a518a399c9a7d85b4edad8ddc58228');
  });

  it("E10 the manual's own example", () => {
    const call = {
      accessToken: 'xxxxaaaxxxx',
      query: [
        ['k1', 'v1'],
        ['k2', 'v2'],
        ['k3', 'v3'],
      ] as const,
      body: '{\n  "count": 20,\n  "page": 1,\n  "desc": "描述"\n}',
      timestamp: '1572574909697',
      appSecret: 'xxxappSecretxxx',
    };
    expect(apiSignature(call).toString('hex')).toBe('59828328f6c1f9771015dc74e4929ae30f518a35a3d2353972c2ea46556fc981');
  });

  it('E11 session over HTTP', () => {
    const content = httpLoginContent({
      device: 'dK987654',
      productKey: 'pK11111',
      lifetime: '300000',
      signMethod: 'sha256',
    });
    expect(sign(content, { dialect: 'enos', hash: 'sha256', secret: deviceSecret }).toString('hex')).toBe(
      '557336f377b74fd9e445d78dd6f54dc0ce3d99dc4fb6213b292c74d3b43e75f5',
    );
  });

  it.each([
    [
      'E12 login of a sub-device',
      'subPK.subDK.1700000000000',
      '4D354EE5B93129477D347FDAC43AF290E756A4C2E537761A7036B21111A84645',
    ],
    [
      'E13 batch login of sub-devices',
      'login.batch',
      'DCBF129116DCEE05894CFB02F5C9A1AF0AF2E1A5056389B339467DE05AE6C232',
    ],
  ])('%s', (_title, clientId, signature) => {
    const content = loginContent('enos', {
      clientId,
      device: 'subDK',
      productKey: 'subPK',
      timestamp: '1700000000000',
    });
    expect(isSignature(signature, content, { dialect: 'enos', hash: 'sha256', secret: 'subDS-aaaa' })).toBe(true);
  });
});

describe('Alibaba vectors', () => {
  const user = 'light-0001&a1AbCdEfGhI';
  const aliSecret = 'ds-0123456789abcdef0123456789ab';
  const aliProduct = 'ps-AAAABBBBCCCC';
  const register = (random: string): string =>
    registrationContent({ device: 'light-0001', productKey: 'a1AbCdEfGhI', random });

  it.each<[SignatureHash, string]>([
    ['sha256', '45E8B1797201F835FDFAFF03642672B5DA7B5CB336D81275F2FDF26802A78BB3'],
    ['sha1', 'f0b17633f8f2933c6387c8127c6cd6f8a320ec83'],
    ['md5', '189172b0bdbb115b4324f87cb0565016'],
  ])('A1 registration over HTTPS with hmac%s', (hash, signature) => {
    const key = { dialect: 'alibaba', hash, secret: aliProduct } as const;
    expect(isSignature(signature, register('8Ygb7ULYh53B6OA'), key)).toBe(true);
  });

  it('A2 registration over MQTT', () => {
    const key = { dialect: 'alibaba', hash: 'sha256', secret: aliProduct } as const;
    const signature = '7F08A59DEC2D1C42EE44AF47CC7DF4135737570FAB53FF22170CF8E275961743';
    expect(isSignature(signature, register('567345'), key)).toBe(true);
  });

  it.each([
    [
      'A3 C',
      'a1AbCdEfGhI.light-0001|timestamp=2524608000000,_v=sdk-c-3.0.1,securemode=3,signmethod=hmacsha256,lan=C,gw=0,ext=0|',
      '39ABEC9A8DB5FF775923051CF7C0E2D24F3C3F50BA5F4C97E0BADCF4A4A42B7B',
    ],
    [
      'A4 Node',
      'a1AbCdEfGhI&light-0001|securemode=2,signmethod=hmacsha1,timestamp=1700000000000|',
      '27ea9a293b9189365d55a6a40b8ebcc59854adef',
    ],
    [
      'A5 without a timestamp',
      'a1AbCdEfGhI.light-0001|securemode=3,signmethod=hmacsha256|',
      'c667ee91028e861c8248a9771383411b35ff67715dfaa182c4ceb738522103ed',
    ],
    ['A6 MD5', '12345|securemode=3,signmethod=hmacmd5,timestamp=789|', 'fc23a8f4c3b27f1e4ed6d833a970d58a'],
  ])('%s', (_title, clientId, password) => {
    expect(verifies('alibaba', { clientId, userName: user, password }, aliSecret)).toBe(true);
  });

  it('A7 login of a sub-device', () => {
    const content = loginContent('alibaba', {
      clientId: 'b1SubPk.sub-1',
      device: 'sub-1',
      productKey: 'b1SubPk',
      timestamp: '1700000000000',
    });
    const key = { dialect: 'alibaba', hash: 'sha1', secret: 'subds-0123456789' } as const;
    expect(isSignature('03bbe2c25edf3856e8d494c01530d58d6e39c3dd', content, key)).toBe(true);
  });
});

describe('native vectors', () => {
  const claims = '{"credentialsType":"ACCESS_TOKEN"}';
  const content = tbp1Content({
    provisionDeviceKey: 'pk-demo',
    deviceName: 'meter-0001',
    timestamp: '1700000000000',
    nonce: 'n0nce-00112233445566778899',
    claims,
  });

  it('N0 hash of the claims', () => {
    const hash = createHash('sha256').update(claims).digest('hex');
    expect(hash).toBe('3288d43580c8b0b0eab04cc1e96d82eea2a61be46483cf7295e59e1f2d912022');
    expect(content?.split('\n').at(-1)).toBe(hash);
  });

  it("N1 signature with the product's secret", () => {
    expect(tbp1Signature(content ?? '', 'psec-demo-0123456789').toString('hex')).toBe(
      '512775c28e975caf457dbdb8f8010fe646624907cdba1aa089d9325fa76a2b13',
    );
  });

  it('N2 derived key of a device', () => {
    expect(tbp1DeviceKey('psec-demo-0123456789', 'meter-0001').toString('hex')).toBe(
      'efd8a70740e0c9b32e4fd2dcd0484c518be5650f78f394bde6eed4fcc31bd1de',
    );
  });

  it('N3 signature with the derived key', () => {
    const key = tbp1DeviceKey('psec-demo-0123456789', 'meter-0001');
    expect(tbp1Signature(content ?? '', key).toString('hex')).toBe(
      '8f0425ac3dffcf1001df67194d80badbb3b6893a8c202ba34bd053b360649182',
    );
  });

  it('a line end within a field signs nothing', () => {
    const request = { provisionDeviceKey: 'k', deviceName: 'a\nb', timestamp: '1', nonce: 'n', claims: '' };
    expect(tbp1Content(request)).toBeUndefined();
  });

  it("Z1 derived key of Azure's manual", () => {
    const group = '8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==';
    const key = groupDeviceKey(group, 'sn-007-888-abc-mac-a1-b2-c3-d4-e5-f6');
    expect(key).toBe('Jsm0lyGpjaVYVP2g3FnmnmG9dI/9qU24wNoykUmermc=');
  });
});
