import { runTool } from "../support/tools.ts";

/** A certificate authority of its own with two certificates, in a folder that goes when this is disposed. */
export interface Certificates extends Disposable {
  /** The authority's own certificate, PEM: trusting it is trusting the server. */
  readonly authorityFile: string;
  /** The server's certificate for `localhost`, `127.0.0.1` and `::1`, PEM. */
  readonly serverFile: string;
  readonly serverKeyFile: string;
  /** The server's certificate followed by its key, for servers that take one file. */
  readonly serverBundleFile: string;
  /** A client's certificate by the same authority, PEM. */
  readonly clientFile: string;
  readonly clientKeyFile: string;
}

const SUBJECT_NAMES = "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1";

/** Makes them with the program `openssl`; elliptic curves, since those keys are made at once. */
export async function makeCertificates(): Promise<Certificates> {
  const folder = await Deno.makeTempDir({ prefix: "escale-certificates-" });
  // A server may drop its privileges before it reads them.
  await Deno.chmod(folder, 0o755);
  const path = (name: string) => `${folder}/${name}`;
  await selfSign(folder);
  await sign(folder, "server", [SUBJECT_NAMES, "extendedKeyUsage=serverAuth"]);
  await sign(folder, "client", ["extendedKeyUsage=clientAuth"]);
  const bundle = ["server.pem", "server.key"].map((name) => Deno.readTextFileSync(path(name)));
  await Deno.writeTextFile(path("bundle.pem"), bundle.join(""));
  return {
    authorityFile: path("authority.pem"),
    serverFile: path("server.pem"),
    serverKeyFile: path("server.key"),
    serverBundleFile: path("bundle.pem"),
    clientFile: path("client.pem"),
    clientKeyFile: path("client.key"),
    [Symbol.dispose]: () => Deno.removeSync(folder, { recursive: true }),
  };
}

async function selfSign(cwd: string): Promise<void> {
  await openssl(cwd, [
    ...[
      "req",
      "-x509",
      "-days",
      "30",
      "-subj",
      "/CN=Escale test authority",
      ...newKey("authority"),
    ],
    ...["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=keyCertSign,cRLSign"],
    ...["-out", "authority.pem"],
  ]);
}

async function sign(cwd: string, name: string, extensions: readonly string[]): Promise<void> {
  const lines = ["basicConstraints=CA:FALSE", "keyUsage=digitalSignature", ...extensions];
  await Deno.writeTextFile(`${cwd}/${name}.ext`, lines.join("\n"));
  await openssl(cwd, ["req", "-subj", `/CN=${name}`, ...newKey(name), "-out", `${name}.csr`]);
  await openssl(cwd, [
    ...["x509", "-req", "-in", `${name}.csr`, "-days", "30", "-extfile", `${name}.ext`],
    ...["-CA", "authority.pem", "-CAkey", "authority.key", "-CAcreateserial"],
    ...["-out", `${name}.pem`],
  ]);
}

function newKey(name: string): string[] {
  return [
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:prime256v1",
    "-nodes",
    "-keyout",
    `${name}.key`,
  ];
}

async function openssl(cwd: string, args: readonly string[]): Promise<void> {
  await runTool(["openssl", ...args], { cwd });
}
