import assert from "node:assert/strict";
import { apache } from "../../servers/apache.ts";
import { lighttpd } from "../../servers/lighttpd.ts";
import { nginx } from "../../servers/nginx.ts";
import { rcloneServe } from "../../servers/rclone_serve.ts";
import { isInstalled, startWebDav, type WebDavProgram } from "../../servers/webdav.ts";
import { skip } from "../../support/skip.ts";

/** What a server does, as `.github/ARCHITECTURE.md` has it; where two statuses are given the path ends without and with a slash. */
interface Facts {
  readonly dav: string;
  readonly putIfNoneMatch: number;
  readonly makeTwice: readonly [number, number];
  readonly makeWithoutSlash: number;
  readonly putIntoMissing: number;
  readonly moveByPath: number;
  readonly moveOntoFolder: number;
  /** Where an object is after it was moved onto the folder `d`, and whether `d/g` is still there. */
  readonly afterMove: readonly string[];
  readonly deleteFolder: readonly [number, number];
  readonly listsHidden: boolean;
  readonly hasTags: boolean;
  readonly infinity: number;
  readonly untypedQuestion: number;
  readonly belowFile: number;
  readonly quota: boolean;
}

const FACTS: readonly (readonly [WebDavProgram, Facts])[] = [
  [apache, {
    dav: "1,2, <http://apache.org/dav/propset/fs/1>",
    putIfNoneMatch: 412,
    makeTwice: [201, 405],
    makeWithoutSlash: 201,
    putIntoMissing: 409,
    moveByPath: 400,
    moveOntoFolder: 301,
    afterMove: ["d/", "d/g", "t"],
    deleteFolder: [301, 400],
    listsHidden: true,
    hasTags: true,
    infinity: 403,
    untypedQuestion: 207,
    belowFile: 404,
    quota: false,
  }],
  [nginx, {
    dav: "1",
    putIfNoneMatch: 204,
    makeTwice: [201, 405],
    makeWithoutSlash: 409,
    putIntoMissing: 500,
    moveByPath: 204,
    moveOntoFolder: 409,
    afterMove: ["d/", "d/g", "t"],
    deleteFolder: [409, 400],
    listsHidden: false,
    hasTags: false,
    infinity: 403,
    untypedQuestion: 207,
    belowFile: 404,
    quota: false,
  }],
  [lighttpd, {
    dav: "1,3",
    putIfNoneMatch: 412,
    makeTwice: [201, 405],
    makeWithoutSlash: 201,
    putIntoMissing: 409,
    moveByPath: 201,
    moveOntoFolder: 204,
    afterMove: ["d/", "d/g", "d/t"],
    deleteFolder: [400, 400],
    listsHidden: true,
    hasTags: true,
    infinity: 403,
    untypedQuestion: 415,
    belowFile: 200,
    quota: false,
  }],
  [rcloneServe, {
    dav: "1, 2",
    putIfNoneMatch: 201,
    makeTwice: [201, 201],
    makeWithoutSlash: 201,
    putIntoMissing: 404,
    moveByPath: 201,
    moveOntoFolder: 204,
    afterMove: ["d"],
    deleteFolder: [204, 404],
    listsHidden: true,
    hasTags: true,
    infinity: 207,
    untypedQuestion: 207,
    belowFile: 404,
    quota: false,
  }],
];

const QUESTION = `<?xml version="1.0"?><propfind xmlns="DAV:"><prop><getetag/><resourcetype/>
  <quota-available-bytes/></prop></propfind>`;

for (const [program, expected] of FACTS) {
  Deno.test(`${program.name} does what is known of it`, async () => {
    if (!isInstalled(program)) return skip(`no ${program.tool} here`);
    await using server = await startWebDav(program);
    assert.deepEqual(await observe(server), expected);
  });
}

async function observe(
  { port, path, folder }: { readonly port: number; readonly path: string; readonly folder: string },
): Promise<Facts> {
  const origin = `http://127.0.0.1:${port}`;
  const base = `${origin}/${path === "" ? "" : `${path}/`}`;
  const ask = async (
    method: string,
    name: string,
    headers: Record<string, string> = {},
    body = "",
  ) => {
    const init = { method, headers, redirect: "manual" } as const;
    const answer = await fetch(base + name, body === "" ? init : { ...init, body });
    return { status: answer.status, headers: answer.headers, text: await answer.text() };
  };
  const status = async (...call: Parameters<typeof ask>) => (await ask(...call)).status;
  const xml = { "Depth": "1", "Content-Type": "application/xml" };

  const dav = (await ask("OPTIONS", "")).headers.get("dav") ?? "";
  await ask("PUT", "f", {}, "old");
  const putIfNoneMatch = await status("PUT", "f", { "If-None-Match": "*" }, "new");
  const makeTwice = [await status("MKCOL", "d/"), await status("MKCOL", "d/")] as const;
  const makeWithoutSlash = await status("MKCOL", "e");
  const putIntoMissing = await status("PUT", "no/f", {}, "x");
  await ask("PUT", "d/g", {}, "g");
  await ask("PUT", "t", {}, "t");
  const to = (name: string) => ({ Destination: base + name, Overwrite: "T" });
  const byPath = { Destination: new URL(`${base}moved`).pathname, Overwrite: "T" };
  const moveByPath = await status("MOVE", "t", byPath);
  await ask("PUT", "t", {}, "t");
  const moveOntoFolder = await status("MOVE", "t", to("d"));
  const afterMove = ["d", "t"].flatMap((name) => pathsBelow(folder, name));
  await ask("MKCOL", "h/");
  const deleteFolder = [
    await status("DELETE", "h", { Depth: "0" }),
    await status("DELETE", "h/", { Depth: "0" }),
  ] as const;
  await ask("PUT", ".hidden", {}, "x");
  const { text } = await ask("PROPFIND", "", xml, QUESTION);
  return {
    dav,
    putIfNoneMatch,
    makeTwice,
    makeWithoutSlash,
    putIntoMissing,
    moveByPath,
    moveOntoFolder,
    afterMove,
    deleteFolder,
    listsHidden: text.includes(".hidden"),
    hasTags: /getetag>\S/.test(text),
    infinity: await status("PROPFIND", "", { ...xml, Depth: "infinity" }, QUESTION),
    untypedQuestion: await status(
      "PROPFIND",
      "",
      { "Depth": "1", "Content-Type": "text/plain" },
      QUESTION,
    ),
    belowFile: await status("GET", "f/below"),
    quota: /quota-available-bytes>\d/.test(text),
  };
}

/** `name` and what is below it on the server's disk, folders with a slash. */
function pathsBelow(folder: string, name: string): string[] {
  try {
    if (!Deno.statSync(`${folder}/${name}`).isDirectory) return [name];
  } catch {
    return [];
  }
  const inside = [...Deno.readDirSync(`${folder}/${name}`)].map((it) => it.name).sort();
  return [`${name}/`, ...inside.flatMap((it) => pathsBelow(folder, `${name}/${it}`))];
}
