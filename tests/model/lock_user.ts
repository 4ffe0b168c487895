import { digestOf, listBelow, type Oracle } from "./kill_world.ts";

/** Who works in the folder of a client. */
export class User {
  readonly name: string;
  readonly folder: string;
  readonly #desk: string;
  readonly #oracle: Oracle;

  constructor(name: string, { root, oracle }: { readonly root: string; readonly oracle: Oracle }) {
    this.name = name;
    this.folder = `${root}/${name}`;
    this.#desk = `${root}/desk-${name}`;
    this.#oracle = oracle;
    for (const folder of [this.folder, this.#desk]) Deno.mkdirSync(folder);
  }

  /** Takes away what stands there, which is spent, and gives the name to a new file. */
  save(path: string, bytes: Uint8Array): void {
    const [fresh, aside, target] = [
      `${this.#desk}/fresh`,
      `${this.#desk}/aside`,
      this.#at(path),
    ];
    Deno.writeFileSync(fresh, bytes);
    this.#oracle.make(digestOf(bytes), `${this.name}:${path}`);
    for (;;) {
      try {
        Deno.renameSync(target, aside);
        this.#oracle.spend(digestOf(Deno.readFileSync(aside)), `${this.name} replaced ${path}:`);
      } catch (cause) {
        if (!(cause instanceof Deno.errors.NotFound)) throw cause;
      }
      try {
        Deno.linkSync(fresh, target);
        break;
      } catch (cause) {
        // The client has placed a version meanwhile, which is replaced too.
        if (!(cause instanceof Deno.errors.AlreadyExists)) throw cause;
      }
    }
    Deno.removeSync(fresh);
  }

  /** Digests of all files that are not hidden, by path; `undefined` if one goes meanwhile. */
  tree(): Map<string, string> | undefined {
    try {
      const paths = listBelow(this.folder).filter((path) => !path.startsWith("."));
      return new Map(paths.map((path) => [path, digestOf(Deno.readFileSync(this.#at(path)))]));
    } catch (cause) {
      if (cause instanceof Deno.errors.NotFound) return undefined;
      throw cause;
    }
  }

  #at(path: string): string {
    return `${this.folder}/${path}`;
  }
}
