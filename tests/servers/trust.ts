import * as tls from "node:tls";

/** Makes this program trust the authorities with these certificates, PEM, and no others. */
export function trustOnly(certificates: readonly string[]): void {
  // The runtime has the function; its types do not know it yet.
  if (!("setDefaultCACertificates" in tls)) throw new Error("the runtime cannot set authorities");
  const { setDefaultCACertificates: set } = tls;
  if (typeof set !== "function") throw new Error("the runtime cannot set authorities");
  Reflect.apply(set, undefined, [certificates]);
}
