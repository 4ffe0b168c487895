import { parseObjectName } from "../../../backends/backend.ts";
import { openMemory } from "../../../backends/memory.ts";
import type { Section } from "../../../lib/config/section.ts";
import { FaultyBackend } from "../../support/faulty_backend.ts";
import { sourceOf } from "../../support/sources.ts";
import type { History, SweptLayout } from "./_sweep.ts";

const T = 1_600_000_000;
const INDEX: Partial<Section> = { index: { kind: "pages", depth: 0 }, compression: "none" };

/** Nothing but persistent indices is left in the end. */
export const PAGES: SweptLayout = {
  options: INDEX,
  mayStay: (name) => /^\.[^.]+\.index$/.test(name),
};

/** What is swept on a relay with an index. */
export const INDEX_HISTORIES: readonly History[] = [
  {
    name: "two new files are pushed on two pages",
    clients: ["A", "B"],
    options: { index: { kind: "pages", depth: 1 }, compression: "gzip" },
    prepare({ client }) {
      client("A").write("d/f", "one", T);
      client("A").write("g", "two", T);
      return Promise.resolve();
    },
    victim: "A",
    survivors: ["one", "two"],
  },
  {
    name: "an edit is pushed",
    clients: ["A", "B"],
    async prepare({ client, settle }) {
      client("A").write("f", "one", T);
      await settle();
      client("A").write("f", "two", T + 9);
    },
    victim: "A",
    survivors: ["two"],
  },
  {
    name: "an update is pulled",
    clients: ["A", "B"],
    async prepare({ client }) {
      client("A").write("d/f", "one", T);
      client("A").write("g", "two", T);
      await client("A").once();
    },
    victim: "B",
    survivors: ["one", "two"],
  },
  {
    name: "an edit is pulled by the first of two",
    clients: ["A", "B", "C"],
    options: { pullerCount: 2 },
    async prepare({ client, settle }) {
      client("A").write("f", "one", T);
      await settle();
      client("A").write("f", "two", T + 9);
      await client("A").once();
    },
    victim: "B",
    survivors: ["two"],
  },
  {
    name: "the last of two pullers comes",
    clients: ["A", "B", "C"],
    options: { pullerCount: 2 },
    async prepare({ client }) {
      client("A").write("f", "one", T);
      await client("A").once();
      await client("B").once();
    },
    victim: "C",
    survivors: ["one"],
  },
  {
    name: "both changed the same file",
    clients: ["A", "B"],
    async prepare({ client, settle }) {
      client("A").write("f.txt", "one", T);
      await settle();
      client("A").write("f.txt", "of A", T + 20);
      client("B").write("f.txt", "of B", T + 10);
      await client("A").once();
    },
    victim: "B",
    survivors: ["of A", "of B"],
  },
  {
    name: "a late joiner requests what is gone",
    clients: ["A", "B"],
    async prepare({ client, settle }) {
      client("A").write("f", "one", T);
      await settle();
      client("B").loseState();
      client("B").remove("f");
    },
    victim: "B",
    survivors: ["one"],
  },
  {
    name: "a request is answered",
    clients: ["A", "B"],
    async prepare({ client, settle }) {
      client("A").write("f", "one", T);
      await settle();
      client("B").loseState();
      client("B").remove("f");
      await client("B").once();
    },
    victim: "A",
    survivors: ["one"],
  },
  {
    name: "damaged data is pulled",
    clients: ["A", "B"],
    async prepare({ client, store }) {
      client("A").write("f", "one", T);
      await client("A").once();
      const name = store.names().find((it) => it.endsWith(".data")) ?? "";
      const bytes = store.latest(parseObjectName(name))?.slice() ?? new Uint8Array();
      bytes[512] = 0;
      await openMemory(store).put(parseObjectName(name), sourceOf(bytes));
    },
    victim: "B",
    survivors: ["one"],
  },
  {
    name: "a dead pusher's page is taken over",
    clients: ["A", "B"],
    async prepare({ client, through, store, advance }) {
      client("A").write("f", "one", T);
      await client("B").round();
      const dying = new FaultyBackend(
        openMemory(store),
        ({ verb, name }) =>
          verb === "put" && /\d\.index$/.test(name) ? { kind: "fail", dies: true } : undefined,
      );
      await through("A", dying).once();
      client("B").write("g", "of B", T + 5);
      await client("B").round();
      advance(400);
    },
    victim: "B",
    survivors: ["one", "of B"],
  },
];
