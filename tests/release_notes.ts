/**
 * Prints what the changelog says of the version that a tag names: `deno task notes v0.8.0`. Fails unless the tag is the
 * version of `deno.json`, and the changelog has a section for it that says since when.
 */
import configuration from "../deno.json" with { type: "json" };

/**
 * The changelog's section of the version that `tag` names, without its heading.
 *
 * @throws {Error} if `tag` is not `v` and `version`; if there is no section, or it is not dated as a release
 */
export function releaseNotes(tag: string, sources: { version: string; changelog: string }): string {
  const { version, changelog } = sources;
  if (tag !== `v${version}`) {
    throw new Error(
      `Cannot release "${tag}": the version is ${version}, the tag should be v${version}`,
    );
  }
  const sections = changelog.split(/^## /m).slice(1);
  const section = sections.find((text) => text.split(/[\s,]/, 1)[0] === version);
  if (section === undefined) {
    throw new Error(`Cannot release "${tag}": the changelog has no section for ${version}`);
  }
  const [heading = "", ...lines] = section.split("\n");
  if (!/, \d{4}-\d{2}-\d{2}$/.test(heading)) {
    const wanted = `${version}, YYYY-MM-DD`;
    throw new Error(
      `Cannot release "${tag}": the heading is "${heading}", it should be "${wanted}"`,
    );
  }
  return lines.join("\n").trim();
}

if (import.meta.main) {
  const changelog = Deno.readTextFileSync(new URL("../CHANGELOG.md", import.meta.url));
  const notes = releaseNotes(Deno.args[0] ?? "", { version: configuration.version, changelog });
  Deno.stdout.writeSync(new TextEncoder().encode(`${notes}\n`));
}
