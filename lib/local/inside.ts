import { isAbsolute, relative, resolve, sep } from "node:path";
import { EscaleError } from "../errors.ts";
import { parseRelativePath, printable, type RelativePath, whyNotRelativePath } from "../path.ts";

/**
 * The file of the repository at `root` that somebody means by `text`: a path in the repository, or the absolute path of
 * something in it.
 *
 * @throws {EscaleError} `usage` if it lies elsewhere or cannot be synchronised
 */
export function pathInside(root: string, text: string): RelativePath {
  const inside = isAbsolute(text) ? relative(root, resolve(text)) : text.replace(/^(?:\.\/+)+/, "");
  const path = sep === "/" ? inside : inside.replaceAll(sep, "/");
  const why = path === ".." || path.startsWith("../")
    ? `it is not in the repository "${printable(root)}"`
    : whyNotRelativePath(path);
  if (why === undefined) return parseRelativePath(path);
  throw new EscaleError("usage", `Cannot use the file "${printable(text)}": ${why}`, {
    hint: "Name a file by its path in the repository",
  });
}
