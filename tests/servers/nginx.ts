import { basicUser, type WebDavProgram, type WebDavSetup } from "./webdav.ts";

const LISTINGS = "/usr/lib/nginx/modules/ngx_http_dav_ext_module.so";

/** nginx with its own WebDAV module and the one that adds `PROPFIND`, served at the top of its URLs. */
export const nginx: WebDavProgram = {
  name: "nginx",
  tool: "nginx",
  module: LISTINGS,
  logins: ["none", "basic"],
  holdsControls: true,
  path: "",
  configure: (setup) => configure(setup, { hasListings: true }),
};

/** nginx with nothing but its own WebDAV module, which lists nothing. */
export const plainNginx: WebDavProgram = {
  ...nginx,
  name: "nginx-plain",
  configure: (setup) => configure(setup, { hasListings: false }),
};

function configure(
  setup: WebDavSetup,
  { hasListings }: { readonly hasListings: boolean },
): readonly string[] {
  const { home } = setup;
  Deno.writeTextFileSync(`${home}/basic`, basicUser());
  Deno.writeTextFileSync(`${home}/nginx.conf`, configurationOf(setup, hasListings));
  return ["-p", home, "-c", `${home}/nginx.conf`, "-e", "/dev/stderr"];
}

function configurationOf(setup: WebDavSetup, hasListings: boolean): string {
  const { home, folder, port, certificates } = setup;
  const bodies = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  return `
${hasListings ? `load_module ${LISTINGS};` : ""}
${Deno.uid() === 0 ? "user root;" : ""}
daemon off;
worker_processes 2;
pid ${home}/nginx.pid;
error_log /dev/stderr;
events { worker_connections 256; }
http {
  access_log off;
  ${bodies.map((name) => `${name}_temp_path ${home}/tmp/${name};`).join("\n  ")}
  client_max_body_size ${setup.maxBodyBytes ?? 0};
  server {
    listen 127.0.0.1:${port}${certificates === undefined ? "" : " ssl"};
    ${tls(setup)}
    location / {
      root ${folder};
      dav_methods PUT DELETE MKCOL COPY MOVE;
      ${hasListings ? "dav_ext_methods PROPFIND OPTIONS;" : ""}
      ${setup.login === "basic" ? `auth_basic escale; auth_basic_user_file ${home}/basic;` : ""}
    }
  }
}
`;
}

function tls({ certificates, wantsClientCertificate }: WebDavSetup): string {
  if (certificates === undefined) return "";
  const client = `ssl_client_certificate ${certificates.authorityFile}; ssl_verify_client on;`;
  return `ssl_certificate ${certificates.serverFile};
    ssl_certificate_key ${certificates.serverKeyFile};
    ${wantsClientCertificate ? client : ""}`;
}
