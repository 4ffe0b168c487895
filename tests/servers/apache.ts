import { basicUser, digestUser, type WebDavProgram, type WebDavSetup } from "./webdav.ts";

const MODULES = "/usr/lib/apache2/modules";

/** Apache with `mod_dav`, served below a folder of its URLs. */
export const apache: WebDavProgram = {
  name: "apache",
  tool: "apache2",
  module: `${MODULES}/mod_dav_fs.so`,
  logins: ["none", "basic", "digest"],
  holdsControls: true,
  path: "dav/relay",
  configure(setup) {
    Deno.writeTextFileSync(`${setup.home}/basic`, basicUser());
    Deno.writeTextFileSync(`${setup.home}/digest`, digestUser("escale"));
    Deno.writeTextFileSync(`${setup.home}/apache.conf`, configurationOf(setup));
    return ["-DFOREGROUND", "-f", `${setup.home}/apache.conf`];
  },
};

function configurationOf(setup: WebDavSetup): string {
  const { home, port } = setup;
  const modules = [
    ...["mpm_event", "authn_core", "authn_file", "authz_core", "authz_user", "auth_basic"],
    ...["auth_digest", "dir", "dav", "dav_fs", "ssl", "socache_shmcb"],
  ];
  return `
ServerRoot "${home}"
ServerName localhost
Listen 127.0.0.1:${port}
PidFile "${home}/apache.pid"
ErrorLog "/dev/stderr"
DefaultRuntimeDir "${home}/tmp"
${modules.map((name) => `LoadModule ${name}_module ${MODULES}/mod_${name}.so`).join("\n")}
User www-data
Group www-data
StartServers 1
DavLockDB "${home}/tmp/locks"
DocumentRoot "${home}/files"
${tls(setup)}
<Directory "${home}/files/dav">
  Dav On
  DavDepthInfinity ${setup.allowsInfinity ? "on" : "off"}
  LimitRequestBody ${setup.maxBodyBytes ?? 0}
  ${login(setup)}
</Directory>
`;
}

function login({ login = "none", home }: WebDavSetup): string {
  if (login === "none") return "Require all granted";
  const type = login === "basic" ? "Basic" : "Digest";
  return `AuthType ${type}
  AuthName escale
  Auth${type}Provider file
  AuthUserFile "${home}/${login}"
  Require valid-user`;
}

function tls({ certificates, wantsClientCertificate }: WebDavSetup): string {
  if (certificates === undefined) return "";
  return `SSLEngine on
SSLCertificateFile "${certificates.serverFile}"
SSLCertificateKeyFile "${certificates.serverKeyFile}"
${
    wantsClientCertificate
      ? `SSLCACertificateFile "${certificates.authorityFile}"\nSSLVerifyClient require`
      : ""
  }`;
}
