const SOURCES: readonly string[] = ["fake_drive.py", "fake_google.py"];

/** Where Python really is: a launcher in between would take longer than the program. */
function findPython(): string | undefined {
  try {
    const { success, stdout } = new Deno.Command("python3", {
      args: ["-c", "import sys; print(sys.executable)"],
      stdin: "null",
      stderr: "null",
    }).outputSync();
    return success ? new TextDecoder().decode(stdout).trim() : undefined;
  } catch {
    return undefined;
  }
}

const PYTHON = findPython();

/** Whether the stand-in for drive can run here. */
export const hasFakeDrive: boolean = PYTHON !== undefined;

/** A file on the drive, as the stand-in notes it. */
export interface FakeFile {
  readonly id: string;
  title: string;
  parent: string;
  trashed: boolean;
  version: number;
  readonly mime: string;
}

/** The stand-in for the program drive, with an account of its own, in a folder. */
export class FakeDrive {
  /** The program. */
  readonly program: string;
  /** What stands on the drive, and what tests put there. */
  readonly account: string;
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
    this.program = `${root}/drive`;
    this.account = `${root}/account`;
    Deno.mkdirSync(this.account);
    for (const name of SOURCES) {
      Deno.copyFileSync(new URL(name, import.meta.url), `${root}/${name}`);
    }
    const lines = [
      `#!${PYTHON} -IS`,
      "import sys",
      // Python keeps what it makes of the source only of what is imported.
      `sys.path.insert(0, ${JSON.stringify(root)})`,
      "import fake_drive",
      "fake_drive.main()",
    ];
    Deno.writeTextFileSync(this.program, `${lines.join("\n")}\n`, { mode: 0o700 });
  }

  /** A folder where "drive init" was run. */
  mount(name: string): string {
    const path = `${this.#root}/${name}`;
    Deno.mkdirSync(`${path}/.gd`, { recursive: true });
    const credentials = { client_id: "id", client_secret: "secret", refresh_token: this.account };
    Deno.writeTextFileSync(`${path}/.gd/credentials.json`, JSON.stringify(credentials));
    return path;
  }

  /** The next such command fails, and says this. */
  fail(command: string, text: string): void {
    Deno.writeTextFileSync(`${this.account}/fail ${command}`, text);
  }

  /** All that stands on the drive. */
  files(): FakeFile[] {
    return Object.values(this.#read().files);
  }

  /** Changes what stands there while nobody runs. */
  change(act: (files: Record<string, FakeFile>) => void): void {
    const data = this.#read();
    act(data.files);
    Deno.writeTextFileSync(`${this.account}/files.json`, JSON.stringify(data));
  }

  /** What is stored of a file. */
  content(id: string): Uint8Array {
    return Deno.readFileSync(`${this.account}/blob-${id}`);
  }

  /** Puts another file of the same name beside the one of that name, and returns its id. */
  twin(title: string, content?: Uint8Array): string {
    const id = `1twin${crypto.randomUUID()}`;
    this.change((files) => {
      const found = Object.values(files).find((file) => file.title === title);
      if (found === undefined) throw new Error(`There is no "${title}"`);
      files[id] = { ...found, id };
      if (content === undefined && found.mime.endsWith(".folder")) return;
      Deno.writeFileSync(`${this.account}/blob-${id}`, content ?? this.content(found.id));
    });
    return id;
  }

  /** Notes the arguments of all runs from now on. */
  keepLog(): void {
    Deno.writeTextFileSync(`${this.account}/log`, "");
  }

  /** The arguments of the runs since {@linkcode keepLog}. */
  log(): string[][] {
    const lines = Deno.readTextFileSync(`${this.account}/log`).trim().split("\n");
    return lines.filter((line) => line !== "").map((line) => JSON.parse(line));
  }

  #read(): { version: number; files: Record<string, FakeFile> } {
    try {
      return JSON.parse(Deno.readTextFileSync(`${this.account}/files.json`));
    } catch (thrown) {
      if (thrown instanceof Deno.errors.NotFound) return { version: 0, files: {} };
      throw thrown;
    }
  }
}
