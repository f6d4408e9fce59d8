import type { Credentials } from '../model/device.ts';

/** The three answers of the JSON API, in ThingsBoard's words (thingsboard-device-api 2.4). The texts are constant. */
export type ProvisionAnswer =
  | { readonly status: 'SUCCESS'; readonly credentials: Credentials }
  | { readonly status: 'NOT_FOUND' }
  | { readonly status: 'FAILURE' };

/** Compact JSON: small devices read it into buffers of a few hundred bytes. */
export function formatProvisionAnswer(answer: ProvisionAnswer): string {
  switch (answer.status) {
    case 'SUCCESS':
      return JSON.stringify({ ...credentialsMembers(answer.credentials), status: 'SUCCESS' });
    case 'NOT_FOUND':
      return '{"errorMsg":"Provision data was not found!","status":"NOT_FOUND"}';
    case 'FAILURE':
      return '{"errorMsg":"Failed to provision device!","status":"FAILURE"}';
  }
}

function credentialsMembers(credentials: Credentials): Record<string, unknown> {
  switch (credentials.type) {
    case 'ACCESS_TOKEN':
      return { credentialsValue: credentials.token, credentialsType: 'ACCESS_TOKEN' };
    case 'MQTT_BASIC': {
      const { clientId = '', userName = '', password = '' } = credentials;
      return { credentialsValue: { clientId, userName, password }, credentialsType: 'MQTT_BASIC' };
    }
    case 'X509_CERTIFICATE':
      return { credentialsValue: credentials.certificate, credentialsType: 'X509_CERTIFICATE' };
    case 'SIGNED_SECRET': {
      const { productKey, deviceKey, deviceSecret } = credentials;
      return { credentialsValue: { productKey, deviceKey, deviceSecret }, credentialsType: 'SIGNED_SECRET' };
    }
  }
}
