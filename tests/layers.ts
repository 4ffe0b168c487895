/**
 * A lint plugin that keeps the direction of imports: `main`/`ctl` → `cli` → `daemon` → `sync` → {`relay`, `local`} →
 * {`crypto`, `archive`, `config`} → leaves, and `lib/` apart from `backends/`. The table is that of ARCHITECTURE.md.
 */

/** Places, each with what its files may import besides their own. The first that fits a file counts. */
const LAYERS: readonly (readonly [place: string, mayImport: readonly string[]])[] = [
  ["backends/backend.ts", []],
  ["backends/mod.ts", ["backends/"]],
  ["backends/streams.ts", []],
  ["backends/", ["backends/backend.ts", "backends/streams.ts"]],
  ["lib/daemon/worker_entry.ts", ["lib/", "backends/mod.ts"]],
  ["lib/config/", ["lib/*"]],
  ["lib/crypto/", ["lib/*"]],
  ["lib/archive/", ["lib/*"]],
  ["lib/local/", ["lib/*"]],
  ["lib/relay/", ["lib/*", "lib/crypto/", "lib/archive/", "backends/backend.ts"]],
  [
    "lib/sync/",
    ["lib/*", "lib/archive/", "lib/crypto/", "lib/config/", "lib/relay/", "lib/local/"],
  ],
  ["lib/daemon/", ["lib/*", "lib/config/", "lib/sync/"]],
  ["lib/cli/", ["lib/", "backends/backend.ts"]],
  ["lib/", ["lib/*"]],
  ["main.ts", ["lib/", "backends/mod.ts", "deno.json"]],
  ["ctl.ts", ["lib/", "backends/mod.ts", "deno.json"]],
];

/**
 * Says why a file may not import another, or `undefined` if it may. Both are paths from the project's root.
 *
 * @example
 * ```ts
 * import { whyNotImport } from "./layers.ts";
 * whyNotImport("lib/relay/lock.ts", "backends/ftp/mod.ts"); // "lib/relay/ may not import ..."
 * ```
 */
export function whyNotImport(importer: string, imported: string): string | undefined {
  if (importer.startsWith("tests/")) return undefined;
  if (imported.startsWith("tests/")) return `${importer} may not import tests`;
  const layer = LAYERS.find(([place]) => importer.startsWith(place));
  if (layer === undefined) return undefined;
  const [place, mayImport] = layer;
  if (isOwn(place, { importer, imported })) return undefined;
  if (mayImport.some((pattern) => fits(pattern, imported))) return undefined;
  return `${place} may not import "${imported}": only ${mayImport.join(", ") || "nothing of ours"}`;
}

/** A backend's own folder, or a part of `lib/`; leaves have nothing of their own but each other's private files. */
function isOwn(
  place: string,
  files: { readonly importer: string; readonly imported: string },
): boolean {
  const { importer, imported } = files;
  if (place === "backends/") {
    const folder = importer.slice(0, importer.lastIndexOf("/") + 1);
    return folder !== "backends/" && imported.startsWith(folder);
  }
  return place.endsWith("/") && place !== "lib/" && imported.startsWith(place);
}

/** `lib/*` means the files of `lib/` itself, `lib/` all below it. */
function fits(pattern: string, imported: string): boolean {
  if (!pattern.endsWith("/*")) return imported.startsWith(pattern);
  const folder = pattern.slice(0, -1);
  return imported.startsWith(folder) && !imported.slice(folder.length).includes("/");
}

/** A path without `.` and `..` parts. */
function normalize(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== ".") parts.push(part);
  }
  return parts.join("/");
}

const root = normalize(new URL("..", import.meta.url).pathname);

function check(context: Deno.lint.RuleContext, source: Deno.lint.StringLiteral): void {
  const { value } = source;
  if (!value.startsWith(".")) return;
  const file = context.filename.replaceAll("\\", "/");
  const from = file.startsWith(root) ? file.slice(root.length) : file;
  const why = whyNotImport(from, normalize(`${from}/../${value}`));
  if (why !== undefined) context.report({ node: source, message: why });
}

const plugin: Deno.lint.Plugin = {
  name: "escale",
  rules: {
    layers: {
      create(context) {
        return {
          ImportDeclaration: (node) => check(context, node.source),
          ExportNamedDeclaration: (node) => {
            if (node.source?.type === "Literal" && typeof node.source.value === "string") {
              check(context, node.source);
            }
          },
          ExportAllDeclaration: (node) => check(context, node.source),
          ImportExpression: (node) => {
            if (node.source.type === "Literal" && typeof node.source.value === "string") {
              check(context, node.source);
            }
          },
        };
      },
    },
  },
};

export default plugin;
