import { randomFillSync } from "node:crypto";

/** Something to carry from A to B. */
export interface Scenario {
  readonly name: string;
  readonly title: string;
  readonly files: number;
  readonly sizeBytes: number;
  /** What happens to a tree that both sides have already; absent: the tree is new. */
  readonly change?: (tree: string) => void;
}

/** The scenarios, by name. */
export const SCENARIOS: readonly Scenario[] = [
  { name: "small", title: "2 000 files of 4 KB", files: 2_000, sizeBytes: 4_096 },
  { name: "tiny", title: "20 000 files of 1 KB", files: 20_000, sizeBytes: 1_024 },
  { name: "big", title: "4 files of 256 MB", files: 4, sizeBytes: 256 * 1024 * 1024 },
  {
    name: "changed",
    title: "1 % of 20 000 files of 1 KB changed",
    files: 20_000,
    sizeBytes: 1_024,
    change: (tree) => changeSome(tree, 100),
  },
];

/** Makes the tree of a scenario, 100 files a folder, of bytes that do not compress. */
export function makeTree(root: string, { files, sizeBytes }: Scenario): void {
  const buffer = new Uint8Array(Math.min(sizeBytes, 1024 * 1024));
  for (let index = 0; index < files; index++) {
    const path = pathOf(root, index);
    if (index % 100 === 0) {
      Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    }
    using file = Deno.openSync(path, { write: true, createNew: true });
    for (let left = sizeBytes; left > 0; left -= buffer.length) {
      randomFillSync(buffer);
      file.writeSync(buffer.subarray(0, Math.min(left, buffer.length)));
    }
  }
}

/** Count, total size and newest time of the files below a folder, hidden ones left out: equal when two trees are. */
export function totalsOf(root: string): string {
  let [count, bytes, times] = [0, 0, 0];
  const visit = (folder: string) => {
    for (const entry of Deno.readDirSync(folder)) {
      if (entry.name.startsWith(".")) continue;
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory) visit(path);
      else {
        const info = Deno.lstatSync(path);
        count++;
        bytes += info.size;
        times += Math.floor((info.mtime?.getTime() ?? 0) / 1000);
      }
    }
  };
  visit(root);
  return `${count} ${bytes} ${times}`;
}

function pathOf(root: string, index: number): string {
  return `${root}/folder ${Math.floor(index / 100)}/file ${index}.bin`;
}

/** Gives every `step`-th file new content and a time that moves on. */
function changeSome(tree: string, step: number): void {
  let index = 0;
  for (const folder of Deno.readDirSync(tree)) {
    for (const entry of Deno.readDirSync(`${tree}/${folder.name}`)) {
      if (index++ % step !== 0) continue;
      const path = `${tree}/${folder.name}/${entry.name}`;
      const bytes = Deno.readFileSync(path);
      bytes[0] = (bytes[0] ?? 0) ^ 1;
      const later = Math.floor(Date.now() / 1000) + 10;
      Deno.writeFileSync(path, bytes);
      Deno.utimeSync(path, later, later);
    }
  }
}
