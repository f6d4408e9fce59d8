import type { ProtoMessage } from '../model/proto-message.ts';
import { compileProtoSchema } from '../schema/proto-schema.ts';

/** Payloads in protobuf instead of JSON (thingsboard-device-api 5.3). A message type that is absent has no schema. */
export interface ProtobufPayloads {
  readonly telemetry?: ProtoMessage;
  readonly attributes?: ProtoMessage;
  /** A call to the device. */
  readonly rpcRequest: ProtoMessage;
  /** The device's answer to it. */
  readonly rpcResponse: ProtoMessage;
  /** What is no protobuf of the schema is read as JSON. */
  readonly compatibleWithJson: boolean;
  /** JSON goes down on the v1 topics all the same; only together with `compatibleWithJson`. */
  readonly jsonOnDefaultDownlinkTopics: boolean;
}

/** The same as a file has it: schemas as text, and where they stand. */
export interface ProtobufDraft {
  readonly telemetry: SchemaText;
  readonly attributes: SchemaText;
  readonly rpcRequest: SchemaText;
  readonly rpcResponse: SchemaText;
  readonly compatibleWithJson: boolean;
  readonly jsonOnDefaultDownlinkTopics: boolean;
}

export interface SchemaText {
  readonly text: string | undefined;
  /** JSON pointer in the file. */
  readonly at: string;
}

/** ThingsBoard's own schemas for calls, when a profile gives none. */
const RPC_REQUEST =
  'syntax = "proto3"; message RpcRequestMsg { optional string method = 1; optional int32 requestId = 2; optional string params = 3; }';
const RPC_RESPONSE = 'syntax = "proto3"; message RpcResponseMsg { optional string payload = 1; }';

/** Compiles the schemas; undefined after reported errors. */
export function resolveProtobuf(
  draft: ProtobufDraft,
  error: (at: string, rule: string, problem: string) => void,
): ProtobufPayloads | undefined {
  let failed = false;
  const compile = ({ text, at }: SchemaText, standard?: string): ProtoMessage | undefined => {
    const source = text?.trim() ? text : standard;
    if (source === undefined) return undefined;
    const compiled = compileProtoSchema(source);
    if (compiled.ok) return compiled.message;
    failed = true;
    const line = compiled.line === undefined ? '' : `line ${compiled.line}: `;
    error(at, 'invalid-proto-schema', `${line}${compiled.problem}`);
    return undefined;
  };
  const telemetry = compile(draft.telemetry);
  const attributes = compile(draft.attributes);
  const rpcRequest = compile(draft.rpcRequest, RPC_REQUEST);
  const rpcResponse = compile(draft.rpcResponse, RPC_RESPONSE);
  if (failed || !rpcRequest || !rpcResponse) return undefined;
  const { compatibleWithJson } = draft;
  return {
    ...(telemetry ? { telemetry } : {}),
    ...(attributes ? { attributes } : {}),
    rpcRequest,
    rpcResponse,
    compatibleWithJson,
    jsonOnDefaultDownlinkTopics: compatibleWithJson && draft.jsonOnDefaultDownlinkTopics,
  };
}
