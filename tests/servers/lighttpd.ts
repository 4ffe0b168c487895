import { digestUser, PASSWORD, USER, type WebDavProgram, type WebDavSetup } from "./webdav.ts";

const REALM = "escale";

/** lighttpd with `mod_webdav`. */
export const lighttpd: WebDavProgram = {
  name: "lighttpd",
  tool: "lighttpd",
  module: "/usr/lib/lighttpd/mod_webdav.so",
  logins: ["none", "basic", "digest"],
  holdsControls: false,
  path: "dav/here",
  configure(setup) {
    const { home } = setup;
    Deno.writeTextFileSync(`${home}/plain`, `${USER}:${PASSWORD}\n`);
    Deno.writeTextFileSync(`${home}/digest`, digestUser(REALM, "sha256"));
    Deno.writeTextFileSync(`${home}/lighttpd.conf`, configurationOf(setup));
    return ["-D", "-f", `${home}/lighttpd.conf`];
  },
};

function configurationOf(setup: WebDavSetup): string {
  const { home, port, maxBodyBytes } = setup;
  return `
server.modules = ("mod_auth", "mod_authn_file", "mod_webdav"${
    setup.certificates === undefined ? "" : ', "mod_openssl"'
  })
server.document-root = "${home}/files"
server.bind = "127.0.0.1"
server.port = ${port}
server.errorlog = "/dev/stderr"
server.upload-dirs = ("${home}/tmp")
${maxBodyBytes === undefined ? "" : `server.max-request-size = ${Math.ceil(maxBodyBytes / 1024)}`}
${setup.allowsInfinity ? 'webdav.opts = ("propfind-depth-infinity" => "enable")' : ""}
webdav.activate = "enable"
${tls(setup)}
${login(setup)}
`;
}

function login({ login = "none", home }: WebDavSetup): string {
  if (login === "none") return "";
  const isBasic = login === "basic";
  return `auth.backend = "${isBasic ? "plain" : "htdigest"}"
auth.backend.${isBasic ? "plain" : "htdigest"}.userfile = "${home}/${isBasic ? "plain" : "digest"}"
auth.require = ("/" => ("method" => "${login}", "realm" => "${REALM}", "require" => "valid-user"${
    isBasic ? "" : ', "algorithm" => "SHA-256"'
  }))`;
}

function tls({ certificates, wantsClientCertificate }: WebDavSetup): string {
  if (certificates === undefined) return "";
  const client = `ssl.ca-file = "${certificates.authorityFile}"
ssl.verifyclient.activate = "enable"
ssl.verifyclient.enforce = "enable"`;
  return `ssl.engine = "enable"
ssl.pemfile = "${certificates.serverFile}"
ssl.privkey = "${certificates.serverKeyFile}"
${wantsClientCertificate ? client : ""}`;
}
