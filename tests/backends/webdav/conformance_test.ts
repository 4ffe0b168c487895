import { programConformance } from "./_conformance.ts";

programConformance("webdav", () => ({}));
