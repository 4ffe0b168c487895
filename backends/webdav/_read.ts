import { BackendError, type ObjectName } from "../backend.ts";
import type { Answer } from "./_answer.ts";
import type { Dav } from "./_dav.ts";
import { folderOf } from "./_names.ts";
import { statusError } from "./_status.ts";
import type { Tree, TreeOptions } from "./_tree.ts";

/** Content up to this size is taken into memory at once, so that its connection is free. */
const SMALL_BYTES = 64 * 1024;

/** An object whose content can be read. */
export interface OpenObject {
  readonly answer: Answer;
  readonly sizeBytes: number;
}

/** Opens an object for reading. @throws {BackendError} `not-found` */
export async function openObject(
  name: ObjectName,
  { dav, tree, options }: { readonly dav: Dav; readonly tree: Tree; readonly options: TreeOptions },
): Promise<OpenObject> {
  // Below an object some servers give the object's own content: the rest of the path is for scripts.
  if (!await tree.isThere(folderOf(name), options)) throw await notFound(tree, options);
  const target = tree.targetOf(name);
  const answer = await dav.send({ ...options, method: "GET", target });
  const encoding = answer.header("content-encoding") ?? "identity";
  if (answer.status === 200 && encoding === "identity") {
    const sizeBytes = answer.lengthBytes();
    if (sizeBytes !== undefined) return { answer, sizeBytes };
  } else {
    await answer.drop();
    if (answer.status === 404 || answer.status === 410) throw await notFound(tree, options);
    if (answer.status === 429 || answer.status >= 500) throw statusError(answer);
  }
  // A folder may be shown as a page, or refused in many ways.
  const standing = await tree.look(name, options).catch((thrown) => {
    answer.giveUp();
    throw thrown;
  });
  const isContent = answer.status === 200 && encoding === "identity";
  if (standing.kind === "object" && isContent) {
    return { answer, sizeBytes: standing.info.sizeBytes };
  }
  answer.giveUp();
  if (standing.kind !== "object") throw await notFound(tree, options);
  if (answer.status !== 200) throw statusError(answer);
  throw new BackendError(
    "protocol",
    `Cannot ${options.action}: the server sends it encoded as "${encoding}" without being asked`,
  );
}

/** Reads an object whole. @throws {BackendError} `too-large`; `unavailable` if it ends early */
export async function readObject(object: OpenObject, maxBytes: number): Promise<Uint8Array> {
  const bytes = await object.answer.bytes(maxBytes);
  if (bytes.length !== object.sizeBytes) throw otherLength(object);
  return bytes;
}

/** The content of an object. The stream errors unless it is as long as the server said. */
export async function streamObject(object: OpenObject): Promise<ReadableStream<Uint8Array>> {
  if (object.sizeBytes <= SMALL_BYTES) {
    const bytes = await readObject(object, object.sizeBytes);
    return ReadableStream.from(bytes.length === 0 ? [] : [bytes]);
  }
  const chunks = object.answer.chunks();
  let readBytes = 0;
  return new ReadableStream({
    async pull(controller) {
      const next = await chunks.next();
      if (next.done !== true) {
        readBytes += next.value.length;
        return controller.enqueue(next.value);
      }
      if (readBytes !== object.sizeBytes) throw otherLength(object);
      controller.close();
    },
    async cancel() {
      // What waits for the next chunk must not wait for the server.
      object.answer.giveUp();
      await chunks.return(undefined);
    },
  }, { highWaterMark: 0 });
}

function otherLength({ answer, sizeBytes }: OpenObject): BackendError {
  return new BackendError(
    "unavailable",
    `Cannot ${answer.call.action}: its content is not ${sizeBytes} bytes long, as the server said`,
  );
}

async function notFound(tree: Tree, options: TreeOptions): Promise<BackendError> {
  await tree.checkRoot(options);
  return new BackendError("not-found", `Cannot ${options.action}: there is no such object`);
}
