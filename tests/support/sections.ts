import type { Section } from "../../lib/config/section.ts";

/** A section with everything by default, but for `changes`. */
export function makeSection(changes: Partial<Section> = {}): Section {
  return {
    name: "photos",
    configFile: "/home/me/.config/escale/escale.conf",
    clientName: "laptop",
    localPath: "/home/me/photos",
    relay: {
      protocol: "file",
      folder: "/mnt/relay",
      verifyTls: true,
      tlsVersion: "TLS",
      maxTransfers: 4,
      timeoutMs: 60_000,
    },
    mode: "shared",
    refreshS: 30,
    timestamps: { kind: "yes", placeholderFormat: "%y%m%d_%H%M%S" },
    cipher: "off",
    checksum: { algorithm: "sha512" },
    filters: {
      fileTypes: [],
      include: [],
      exclude: [],
      includeDirectories: [],
      excludeDirectories: [],
    },
    pullerCount: 1,
    lockTimeoutS: 259_200,
    maxParallelTransfers: 4,
    index: { kind: "none" },
    maxPageSizeBytes: 1_073_741_824,
    compression: "bz2",
    legacyPeers: true,
    priorityUpload: false,
    allowPageDeletion: false,
    pullOverwrite: false,
    verbosity: 1,
    statePath: "/home/me/.cache/escale/escale/st1.db",
    ...changes,
  };
}
