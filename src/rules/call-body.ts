import { ExactNumber, type JsonObject, type JsonValue } from '../model/json.ts';

/** A device's answer as the body of a message, which is an object: anything else stands under `response`. */
export function toCallBody(answer: JsonValue): JsonObject {
  const isObject =
    typeof answer === 'object' && answer !== null && !Array.isArray(answer) && !(answer instanceof ExactNumber);
  return isObject ? answer : { response: answer };
}
