import { EscaleError } from "../../errors.ts";
import {
  createPrivateFile,
  makeFolders,
  makePrivate,
  removeFolders,
  removeIfThere,
} from "../../local/create_file.ts";
import { prepareReplacement } from "../../local/replace_file.ts";
import { printable } from "../../path.ts";
import type { Draft } from "./draft.ts";

const PRIVATE_FOLDER = 0o700;

/** What was written. */
export interface Saved {
  /** The files with secrets, absolute. */
  readonly secrets: readonly string[];
  /** The copy of the former configuration, if there was one. */
  readonly former: string | undefined;
}

/**
 * Writes a draft: the folders of `places`, the files with secrets that it still names, the configuration last, as a whole.
 *
 * @throws {EscaleError} `changed` if somebody wrote the file meanwhile; `denied`, `full`. All is then as it was.
 */
export function saveDraft(draft: Draft, places: readonly string[]): Saved {
  const { file, text, before, folder } = draft;
  using undo = new DisposableStack();
  for (const place of places) deferRemoval(makeFolders(place), undo);
  deferRemoval(makeFolders(folder, PRIVATE_FOLDER), undo);
  const named = draft.sections().flatMap((section) => [
    draft.given(section, "password"),
    draft.given(section, "passphrase"),
  ]);
  const secrets = [...draft.secrets].filter(([path]) => named.includes(draft.shown(path)));
  for (const [path, bytes] of secrets) {
    createPrivateFile(path, bytes);
    undo.defer(() => removeIfThere(path));
  }
  const former = writeConfiguration({ file, text, before });
  undo.move();
  return { secrets: secrets.map(([path]) => path), former };
}

function writeConfiguration(
  { file, text, before }: Pick<Draft, "file" | "text" | "before">,
): string | undefined {
  if (before === undefined) {
    createPrivateFile(file, new TextEncoder().encode(text));
    return undefined;
  }
  if (Deno.readTextFileSync(file) !== before) {
    throw new EscaleError(
      "changed",
      `Left "${printable(file)}" alone: it was changed since the questions began`,
      { hint: "Run escale -i again" },
    );
  }
  makePrivate(file);
  if (text === before) return undefined;
  using replacement = prepareReplacement(file, text, ".before-wizard");
  return replacement.commit();
}

function deferRemoval(made: readonly string[], undo: DisposableStack): void {
  undo.defer(() => removeFolders(made));
}
