import { makeCertificates } from "../../servers/certificates.ts";
import { trustOnly } from "../../servers/trust.ts";
import { programConformance } from "./_conformance.ts";

const certificates = await makeCertificates();
addEventListener("unload", () => certificates[Symbol.dispose]());
trustOnly([Deno.readTextFileSync(certificates.authorityFile)]);

programConformance("webdav over https with a login", ({ logins }) => ({
  certificates,
  login: logins.at(-1) ?? "none",
}));
