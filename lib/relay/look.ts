import {
  type Backend,
  type ObjectInfo,
  type ObjectName,
  parseObjectName,
} from "../../backends/backend.ts";
import { baseOf, folderOf } from "../path.ts";

/** So many names in one folder are worth a listing of it. */
const MIN_NAMES = 4;
/** A listing is worth it if it shows no more than so many objects for each name that is asked for. */
const MAX_SHARE = 32;

/** What stands under some names, at one moment. */
export interface Look {
  /** Whether {@linkcode Look.at} answers for `name` without a question to the storage. */
  has(name: ObjectName): boolean;
  /** As {@linkcode Backend.stat}. */
  at(name: ObjectName): Promise<ObjectInfo | undefined>;
}

/**
 * Looks at many objects at once. Where each question costs a round trip, one listing of a folder answers for all names
 * in it, unless far more stands there than is asked for. Where listings lag behind, or storages are near, each name is
 * asked for.
 */
export class Looker {
  readonly #backend: Backend;
  readonly #isWorthIt: boolean;
  /** How many objects the folders had that were listed. */
  readonly #sizes = new Map<string, number>();

  constructor(backend: Backend) {
    this.#backend = backend;
    const { exclusiveCreate, listingLagMs } = backend.traits;
    // No storage beyond a network that we know has exclusive create.
    this.#isWorthIt = !exclusiveCreate && listingLagMs === 0;
  }

  /** Looks for objects of these names. */
  async lookFor(names: readonly ObjectName[]): Promise<Look> {
    const listed = new Map<string, ReadonlyMap<string, ObjectInfo>>();
    if (this.#isWorthIt) {
      for (const [folder, group] of Map.groupBy(names, folderOf)) {
        const size = this.#sizes.get(folder) ?? 0;
        if (group.length < MIN_NAMES || size > MAX_SHARE * group.length) continue;
        listed.set(folder, await this.#list(folder, group));
      }
    }
    return {
      has: (name) => listed.has(folderOf(name)),
      at: async (name) => {
        const folder = listed.get(folderOf(name));
        return folder === undefined ? await this.#backend.stat(name) : folder.get(baseOf(name));
      },
    };
  }

  async #list(
    folder: string,
    names: readonly ObjectName[],
  ): Promise<ReadonlyMap<string, ObjectInfo>> {
    const wanted = new Set(names.map(baseOf));
    const found = new Map<string, ObjectInfo>();
    let size = 0;
    const name = folder === "" ? "" : parseObjectName(folder);
    for await (const info of this.#backend.list(name)) {
      size++;
      const base = baseOf(info.name);
      if (wanted.has(base)) found.set(base, info);
    }
    this.#sizes.set(folder, size);
    return found;
  }
}
