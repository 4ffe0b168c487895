import { parseObjectName } from "../../../backends/backend.ts";
import { openMemory } from "../../../backends/memory.ts";
import type { Section } from "../../../lib/config/section.ts";
import { GOLDEN_KEY } from "../../support/engine.ts";
import { FaultyBackend } from "../../support/faulty_backend.ts";
import { sourceOf } from "../../support/sources.ts";
import type { History, SweptLayout } from "./_sweep.ts";

const T = 1_600_000_000;
const FERNET: Partial<Section> = { cipher: "fernet", passphrase: GOLDEN_KEY };

/** Nothing but placeholders, and the folder of the histories, is left in the end. */
export const PLACEHOLDERS: SweptLayout = {
  options: {},
  mayStay: (name) => name.endsWith(".placeholder") || name === "d",
};

/** What is swept on a relay without an index. */
export const HISTORIES: readonly History[] = [
  {
    name: "a new file is pushed",
    clients: ["A", "B"],
    prepare: ({ client }) => Promise.resolve(client("A").write("d/f", "one", T)),
    victim: "A",
    survivors: ["one"],
  },
  {
    name: "two new files are pushed together",
    clients: ["A", "B"],
    prepare({ client }) {
      client("A").write("f", "one", T);
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
    name: "an edit is pushed over a version that not everyone has",
    clients: ["A", "B", "C"],
    options: { pullerCount: 2 },
    async prepare({ client }) {
      client("A").write("f", "one", T);
      await client("A").once();
      await client("B").once();
      client("B").write("f", "two", T + 9);
    },
    victim: "B",
    survivors: ["two"],
  },
  {
    name: "a new file is pulled",
    clients: ["A", "B"],
    async prepare({ client }) {
      client("A").write("d/f", "one", T);
      await client("A").once();
    },
    victim: "B",
    survivors: ["one"],
  },
  {
    name: "an edit is pulled",
    clients: ["A", "B"],
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
    name: "a conflict is lost",
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
    name: "a conflict is won",
    clients: ["A", "B"],
    async prepare({ client, settle }) {
      client("A").write("f.txt", "one", T);
      await settle();
      client("A").write("f.txt", "of A", T + 10);
      client("B").write("f.txt", "of B", T + 20);
      await client("A").once();
    },
    victim: "B",
    survivors: ["of A", "of B"],
  },
  {
    name: "the last of two pullers acknowledges",
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
    // Among clients of ours, content without a record is left where it is: nothing seals it.
    onlyLegacy: true,
    name: "content without a record is adopted",
    clients: ["A", "B"],
    options: FERNET,
    async prepare({ client, store }) {
      client("A").write("f", "one", T);
      await client("A").once();
      await openMemory(store).remove(parseObjectName(".f.placeholder"));
      client("A").remove("f");
      client("A").write("g", "other", T);
      client("A").loseState();
    },
    victim: "B",
    survivors: ["one", "other"],
  },
  {
    name: "content without a record meets another file",
    clients: ["A", "B"],
    options: FERNET,
    async prepare({ client, store }) {
      client("A").write("f", "one", T);
      await client("A").once();
      await openMemory(store).remove(parseObjectName(".f.placeholder"));
      client("B").write("f", "two", T);
      client("A").remove("f");
      client("A").write("g", "other", T);
      client("A").loseState();
    },
    victim: "B",
    survivors: ["one", "two", "other"],
  },
  {
    name: "damaged content is withdrawn",
    clients: ["A", "B"],
    async prepare({ client, store }) {
      client("A").write("f", "one", T);
      await client("A").once();
      await openMemory(store).put(parseObjectName("f"), sourceOf(new Uint8Array([111, 110, 102])));
    },
    victim: "B",
    survivors: ["one"],
  },
  {
    name: "a dead pusher's lock is taken over",
    clients: ["A", "B"],
    async prepare({ client, through, store, advance }) {
      client("A").write("f", "one", T);
      await client("B").round();
      const dying = new FaultyBackend(
        openMemory(store),
        ({ verb, name }) =>
          verb === "put" && name === "f" ? { kind: "fail", dies: true } : undefined,
      );
      await through("A", dying).once();
      client("B").write("f", "of B", T + 5);
      await client("B").round();
      advance(400);
    },
    victim: "B",
    survivors: ["one", "of B"],
  },
];
