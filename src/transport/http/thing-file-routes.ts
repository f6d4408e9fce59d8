import { createHash } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { DeviceApi, DeviceFile } from '../../device-api/index.ts';
import { formatReply } from '../../dialects/wire/envelope.ts';
import { isJsonObject, type JsonObject, type JsonValue, parseJson, stringifyJson } from '../../model/json.ts';
import { type FormPart, readForm } from './multipart-form.ts';
import type { HttpThing, HttpThings } from './thing-sessions.ts';

export interface ThingFileRouteParts {
  readonly deviceApi: DeviceApi;
  readonly about: (summary: string) => object;
  readonly sessions: HttpThings;
}

interface FileRoute {
  readonly Params: { readonly productKey: string; readonly deviceKey: string };
}

/** A message and its files, together. */
const MAX_FORM_BYTES = 2 * 1024 * 1024;
const MAX_FILES = 16;
const MAX_NAME = 128;
const LOCAL = 'local://';
const CODES = { tooLarge: 1008, notAllowed: 1009, invalid: 1220 } as const;
const FILE = '/multipart/sys/:productKey/:deviceKey/file';

/** A refusal of a form, as the device hears it. */
class Refused extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** Files of EnOS devices (registration-protocols 1.4, 2): `local://name` in a message stands for a file that comes with it. */
export function registerThingFileRoutes(parent: FastifyInstance, parts: ThingFileRouteParts): void {
  const { deviceApi, about, sessions } = parts;
  const { files, json } = deviceApi.things;
  const open = new WeakMap<FastifyRequest, HttpThing>();
  const answer = (reply: FastifyReply, status: number, text: string): FastifyReply =>
    reply.code(status).header('cache-control', 'no-store').type('application/json').send(text);
  const sessionOf = (request: FastifyRequest): HttpThing => {
    const session = open.get(request);
    if (!session) throw new Error('a route of files without its session');
    return session;
  };
  const uriOf = ({ query }: FastifyRequest): string => {
    const { fileUri } = query as { readonly fileUri?: unknown };
    return typeof fileUri === 'string' ? fileUri : '';
  };

  const post = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const session = sessionOf(request);
    const { '*': topic = '' } = request.params as { readonly '*'?: string };
    const rules = deviceApi.profile(session.device.profile)?.thing?.files;
    if (!rules) throw new Refused(CODES.notAllowed, 'the profile takes no files');
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    const form = await readForm(request, body, MAX_FILES + 1);
    const { message, sent } = readParts(form);
    const parsed = parseJson(message, json);
    if (!parsed.ok || !isJsonObject(parsed.value))
      throw new Refused(CODES.invalid, 'enos-message must be a JSON object');
    for (const file of sent) check(file, parsed.value, rules.maxKb * 1024);
    const stored = await files.put(session.device.id, sent, rules);
    if (stored === 'full') throw new Refused(CODES.tooLarge, `${rules.max} files are kept for a device at most`);
    const forget = () => Promise.all(stored.map(({ uri }) => files.remove(session.device.id, uri)));
    const named = withUris(parsed.value, new Map(stored.map((file) => [LOCAL + file.name, file])));
    if (named === undefined) {
      await forget();
      throw new Refused(CODES.invalid, 'the message names a file that did not come with it');
    }
    const { verdict, reply: text } = await session.publish(`/${topic}`, Buffer.from(stringifyJson(named)));
    if (verdict !== 'done' || !isGood(text)) await forget();
    if (verdict === 'close') return answer(reply, 500, formatReply('', 500, undefined, 'not available now'));
    const unknown = formatReply('', CODES.notAllowed, undefined, 'the topic is none of this device');
    return verdict === 'done' ? answer(reply, 200, text ?? formatReply('', 200, {})) : answer(reply, 404, unknown);
  };

  void parent.register(async (scope) => {
    // Nothing is read of a form before its sender is known.
    scope.addHook('onRequest', async (request, reply) => {
      const { sessionId } = request.query as { readonly sessionId?: unknown };
      const session = typeof sessionId === 'string' ? sessions.get(sessionId) : undefined;
      if (!session) return answer(reply, 401, formatReply('', 1009, undefined, 'there is no such session'));
      open.set(request, session);
      return undefined;
    });
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: MAX_FORM_BYTES }, (_request, body, done) => {
      done(null, body);
    });
    scope.post('/multipart/*', about('Publishes on a topic of EnOS, with files.'), async (request, reply) => {
      try {
        return await post(request, reply);
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        return answer(reply, 200, formatReply('', error.code, undefined, error.message));
      }
    });
    scope.get<FileRoute>(`${FILE}/download`, about('A file that the device sent.'), async (request, reply) => {
      const found = await files.read(sessionOf(request).device.id, uriOf(request));
      return found ? sendFile(reply, found.file, found.bytes) : notFound(reply);
    });
    scope.get<FileRoute>(`${FILE}/download/url`, about('Where anybody fetches that file.'), async (request, reply) => {
      const { device } = sessionOf(request);
      const base = deviceApi.profile(device.profile)?.thing?.downloadUrl;
      const found = base === undefined ? undefined : await files.read(device.id, uriOf(request));
      if (!found) return notFound(reply);
      return answer(reply, 200, stringifyJson({ code: 200, data: `${base}${files.link(device.id, found.file.uri)}` }));
    });
    scope.post<FileRoute>(`${FILE}/delete`, about('Forgets a file that the device sent.'), async (request, reply) => {
      const removed = await files.remove(sessionOf(request).device.id, uriOf(request));
      return removed ? answer(reply, 200, stringifyJson({ code: 200, message: 'success' })) : notFound(reply);
    });
  });

  parent.get<{ readonly Params: { readonly link: string } }>(
    '/file/:link',
    about('A file that a device sent, by a link to it.'),
    async (request, reply) => {
      const found = await files.findByLink(request.params.link);
      return found ? sendFile(reply, found.file, found.bytes) : reply.code(404).send();
    },
  );

  function notFound(reply: FastifyReply): FastifyReply {
    return answer(reply, 404, stringifyJson({ code: 404, message: 'there is no such file' }));
  }
}

function sendFile(reply: FastifyReply, { name }: DeviceFile, bytes: Buffer): FastifyReply {
  return reply
    .header('cache-control', 'no-store')
    .header('content-disposition', `attachment;filename="${name.replaceAll(/[^\w.+-]/g, '_')}"`)
    .type('application/octet-stream')
    .send(bytes);
}

interface Sent {
  readonly name: string;
  readonly bytes: Buffer;
}

/** One part `enos-message`, and files as `enos-file`. */
function readParts(form: readonly FormPart[] | undefined): {
  readonly message: Buffer;
  readonly sent: readonly Sent[];
} {
  const messages = form?.filter(({ name }) => name === 'enos-message') ?? [];
  const [message] = messages;
  if (!form || !message || messages.length > 1) {
    throw new Refused(CODES.invalid, `the body must be a form with one enos-message and ${MAX_FILES} files at most`);
  }
  const sent = form.filter((part) => part !== message);
  const names = new Set(sent.map(({ fileName }) => fileName));
  if (sent.some(({ name }) => name !== 'enos-file') || names.size < sent.length) {
    throw new Refused(CODES.invalid, 'files come as enos-file, each with a filename of its own');
  }
  return {
    message: message.bytes,
    sent: sent.map(({ fileName = '', bytes }) => {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that are looked for
      if (fileName === '' || fileName.length > MAX_NAME || /[\u0000-\u001f\u007f/\\]/.test(fileName)) {
        throw new Refused(CODES.invalid, `a filename has 1 to ${MAX_NAME} characters, and no slash`);
      }
      return { name: fileName, bytes };
    }),
  };
}

/** Its size, and the MD5 that the message gives for it. */
function check({ name, bytes }: Sent, message: JsonObject, maxBytes: number): void {
  if (bytes.length > maxBytes) throw new Refused(CODES.tooLarge, `a file has more than ${maxBytes} bytes`);
  const { files } = message;
  const about = isJsonObject(files) && Object.hasOwn(files, name) ? files[name] : undefined;
  const md5 = isJsonObject(about) && Object.hasOwn(about, 'md5') ? about.md5 : undefined;
  if (md5 === undefined || md5 === null) return;
  const own = createHash('md5').update(bytes).digest('hex');
  if (typeof md5 !== 'string' || md5.toLowerCase() !== own) throw new Refused(CODES.invalid, 'a file has another MD5');
}

/** The message with the address of each file in its place, without the list of files; undefined: it names another one. */
function withUris(message: JsonObject, byName: ReadonlyMap<string, DeviceFile>): JsonObject | undefined {
  let known = true;
  const replace = (value: JsonValue): JsonValue => {
    if (typeof value === 'string' && value.startsWith(LOCAL)) {
      const file = byName.get(value);
      known &&= file !== undefined;
      return file?.uri ?? value;
    }
    if (Array.isArray(value)) return value.map(replace);
    if (!isJsonObject(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, replace(member)]));
  };
  const { files: _, ...rest } = message;
  const named = replace(rest);
  return known && isJsonObject(named) ? named : undefined;
}

function isGood(text: string | undefined): boolean {
  if (text === undefined) return true;
  const parsed = parseJson(text, { maxDepth: 64, maxKeys: 100_000 });
  return parsed.ok && isJsonObject(parsed.value) && parsed.value.code === 200;
}
