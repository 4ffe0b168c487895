import { Program } from "../support/program.ts";

/** How long a client may take for what a test waits for. */
const PATIENCE_MS = 30_000;

/** A temporary place with a relay's folder and real clients around it. */
export class Yard implements AsyncDisposable {
  readonly root: string = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "escale-yard-" }));
  readonly relay: string = `${this.root}/relay`;
  readonly #clients: YardClient[] = [];

  constructor() {
    Deno.mkdirSync(this.relay);
  }

  /** A client with its folder and configuration; `lines` are added to its section, with the relay if it is no folder. */
  client(name: string, lines: readonly string[] = [], protocol = "file"): YardClient {
    const relay = protocol === "file" ? [`relay path = ${this.relay}`] : [];
    const client = new YardClient(this, name, [`protocol = ${protocol}`, ...relay, ...lines]);
    this.#clients.push(client);
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) await client.kill();
    Deno.removeSync(this.root, { recursive: true });
  }
}

/** One client of a {@linkcode Yard}, as a process that comes and goes. */
export class YardClient {
  readonly name: string;
  readonly folder: string;
  /** Its state stands in a folder beside it that has its name without the extension. */
  readonly config: string;
  #program: Program | undefined;

  constructor({ root }: Yard, name: string, lines: readonly string[]) {
    this.name = name;
    this.folder = `${root}/${name}`;
    this.config = `${root}/of-${name}.conf`;
    Deno.mkdirSync(this.folder);
    const section = [
      "[yard]",
      `client = ${name}`,
      `path = ${this.folder}`,
      "refresh = 1",
      "legacy peers = no",
      ...lines,
      "",
    ];
    Deno.writeTextFileSync(this.config, section.join("\n"), { mode: 0o600 });
  }

  get isRunning(): boolean {
    return this.#program?.isRunning === true;
  }

  /** What it has said since it was started last. */
  get output(): string {
    return this.#program?.output() ?? "";
  }

  get pid(): number {
    return this.#program?.pid ?? 0;
  }

  start(flags: readonly string[] = []): void {
    this.#program = Program.start("escale", ["-c", this.config, ...flags], { label: this.name });
  }

  signal(name: Deno.Signal): void {
    this.#program?.signal(name);
  }

  /** Runs it until nothing is left to do, and returns its exit status. */
  async once(flags: readonly string[] = []): Promise<number> {
    this.start(["--once", ...flags]);
    return await this.ended();
  }

  /** Waits until it has ended and returns its exit status. */
  async ended(): Promise<number> {
    return await this.#program?.status() ?? 0;
  }

  async stop(): Promise<number> {
    return await this.#program?.stop() ?? 0;
  }

  async kill(): Promise<void> {
    await this.#program?.[Symbol.asyncDispose]();
  }

  write(path: string, content: string | Uint8Array): void {
    const file = `${this.folder}/${path}`;
    Deno.mkdirSync(file.slice(0, file.lastIndexOf("/")), { recursive: true });
    if (typeof content === "string") Deno.writeTextFileSync(file, content);
    else Deno.writeFileSync(file, content);
  }

  /** The content of a file as text; `undefined` if there is none. */
  read(path: string): string | undefined {
    try {
      return Deno.readTextFileSync(`${this.folder}/${path}`);
    } catch (cause) {
      if (cause instanceof Deno.errors.NotFound) return undefined;
      throw cause;
    }
  }

  /** How often it has said something. */
  count(text: string): number {
    return this.output.split(text).length - 1;
  }
}

/** Waits until `holds`, while the clients run. @throws {Error} if one ends, or if it takes too long */
export async function until(
  what: string,
  clients: readonly YardClient[],
  holds: () => boolean,
): Promise<void> {
  const endMs = performance.now() + PATIENCE_MS;
  while (!holds()) {
    const outputs = () => clients.map(({ name, output }) => `== ${name}\n${output}`).join("\n");
    const ended = clients.find(({ isRunning }) => !isRunning);
    if (ended !== undefined) throw new Error(`${what}: ${ended.name} has ended\n${outputs()}`);
    if (performance.now() > endMs) throw new Error(`${what}: it took too long\n${outputs()}`);
    await sleep(20);
  }
}

/** Waits until a client has ended so many rounds more; it must run with `-v`. */
export async function untilRounds(client: YardClient, more: number): Promise<void> {
  const wanted = client.count("round of ") + more;
  await until(`${more} more rounds`, [client], () => client.count("round of ") >= wanted);
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resume) => setTimeout(resume, ms));
}

/** Names of what stands in a folder and below, files only. */
export function filesBelow(folder: string): string[] {
  const found: string[] = [];
  const visit = (prefix: string) => {
    for (const { name, isDirectory } of Deno.readDirSync(`${folder}/${prefix}`)) {
      if (isDirectory) visit(`${prefix}${name}/`);
      else found.push(prefix + name);
    }
  };
  visit("");
  return found.sort();
}
