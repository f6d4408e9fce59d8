import { stringifyJson } from '../../model/json.ts';
import { isMsgData, type Msg } from '../../model/msg.ts';
import { withoutSecrets } from '../secrets.ts';

/** The body as JSON text, exactly as received where it is unchanged; secrets are left out. */
export function bodyText({ data, text }: Msg): string {
  return text ?? stringifyJson(isMsgData(data) ? withoutSecrets(data) : data);
}

/** The same, but a body that is one JSON text is sent without its quotes when `plain` is set. */
export function payloadText(msg: Msg, plain: boolean): string {
  return plain && typeof msg.data === 'string' ? msg.data : bodyText(msg);
}
