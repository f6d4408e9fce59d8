/** How a topic of calls is spelled; answers come in the form of the call. */
interface Form {
  readonly request: string;
  readonly response: string;
}

const V1: Form = { request: 'v1/devices/me/rpc/request/', response: 'v1/devices/me/rpc/response/' };
const SHORT: Form = { request: 'v2/r/req/', response: 'v2/r/res/' };
const SHORT_JSON: Form = { request: 'v2/r/req/j/', response: 'v2/r/res/j/' };
const SHORT_PROTOBUF: Form = { request: 'v2/r/req/p/', response: 'v2/r/res/p/' };
/** The longer prefix first. */
const FORMS = [V1, SHORT_JSON, SHORT_PROTOBUF, SHORT];

/** A publish about calls. `id` is decimal text; `malformed`: it is no number. */
export type RpcPublish =
  | {
      readonly kind: 'rpc-call';
      readonly id: string;
      readonly answerTopic: string;
      /** The one form in which `getSessionLimits` is known (thingsboard-device-api 3.9). */
      readonly v1: boolean;
    }
  | { readonly kind: 'rpc-answer'; readonly id: number }
  | { readonly kind: 'rpc-malformed' };

const ID = /^-?\d{1,10}$/;
const MALFORMED: RpcPublish = { kind: 'rpc-malformed' };

/** Undefined when the topic is of something else. */
export function readRpcTopic(topic: string): RpcPublish | undefined {
  for (const form of FORMS) {
    if (topic.startsWith(form.request)) {
      const id = topic.slice(form.request.length);
      if (!ID.test(id)) return MALFORMED;
      return { kind: 'rpc-call', id, answerTopic: form.response + id, v1: form === V1 };
    }
    if (topic.startsWith(form.response)) {
      const id = topic.slice(form.response.length);
      return ID.test(id) ? { kind: 'rpc-answer', id: Number(id) } : MALFORMED;
    }
  }
  return undefined;
}

/** Where calls to the device go after it subscribed to this filter; undefined for other filters. */
export function callsPrefix(filter: string): string | undefined {
  return FORMS.find(({ request }) => filter === `${request}+`)?.request;
}
