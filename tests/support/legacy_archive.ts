import { runTool } from "./tools.ts";

/** How 0.7 encrypts update data. */
export interface LegacyCipher {
  readonly kind: "off" | "fernet" | "blowfish";
  readonly key: string;
}

/** A file in update data. */
export interface LegacyMember {
  readonly path: string;
  /** Whole seconds since 1970. */
  readonly timeS: number;
  readonly content: Uint8Array;
}

/** The tools that archives are made and read with: nothing of ours has a part in them. */
export const ARCHIVE_TOOLS: readonly string[] = ["python3:cryptography"];

const CIPHERS = `
import base64, io, json, os, sys, tarfile, warnings
warnings.simplefilter("ignore")
def crypt(kind, key, data, encrypts):
    if kind == "off": return data
    if kind == "fernet":
        from cryptography.fernet import Fernet
        f = Fernet(key)
        return f.encrypt(data) if encrypts else f.decrypt(data)
    from cryptography.hazmat.primitives.ciphers import Cipher, modes
    try: from cryptography.hazmat.decrepit.ciphers.algorithms import Blowfish
    except ImportError: from cryptography.hazmat.primitives.ciphers.algorithms import Blowfish
    iv = os.urandom(8) if encrypts else data[:8]
    c = Cipher(Blowfish(key.encode()), modes.OFB(iv))
    if encrypts:
        e = c.encryptor()
        return iv + e.update(data) + e.finalize()
    d = c.decryptor()
    return d.update(data[8:]) + d.finalize()
`;

const PACK = `${CIPHERS}
given = json.load(sys.stdin)
packed = io.BytesIO()
with tarfile.open(fileobj=packed, mode="w:bz2") as tar:
    folders = set()
    for member in given["members"]:
        parts = member["path"].split("/")[:-1]
        for n in range(1, len(parts) + 1):
            folder = "/".join(parts[:n])
            if folder in folders: continue
            folders.add(folder)
            info = tarfile.TarInfo(folder)
            info.type, info.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(info)
        content = base64.b64decode(member["content"])
        info = tarfile.TarInfo(member["path"])
        info.size, info.mtime = len(content), member["timeS"]
        tar.addfile(info, io.BytesIO(content))
sys.stdout.buffer.write(crypt(given["kind"], given["key"], packed.getvalue(), True))
`;

const UNPACK = `${CIPHERS}
data = crypt(sys.argv[1], sys.argv[2], sys.stdin.buffer.read(), False)
members = []
with tarfile.open(fileobj=io.BytesIO(data), mode="r:bz2") as tar:
    for info in tar:
        if not info.isfile(): continue
        content = base64.b64encode(tar.extractfile(info).read()).decode()
        members.append({"path": info.name, "timeS": int(info.mtime), "content": content})
json.dump(members, sys.stdout)
`;

/** Makes update data as 0.7 does: its folders are members too. */
export async function packAsLegacy(
  members: readonly LegacyMember[],
  { kind, key }: LegacyCipher,
): Promise<Uint8Array> {
  const given = members.map((it) => ({ ...it, content: it.content.toBase64() }));
  const input = new TextEncoder().encode(JSON.stringify({ kind, key, members: given }));
  return await runTool(["python3", "-c", PACK], { input });
}

/** Reads update data as 0.7 does. @throws {Error} if that fails */
export async function unpackAsLegacy(
  data: Uint8Array,
  { kind, key }: LegacyCipher,
): Promise<LegacyMember[]> {
  const output = await runTool(["python3", "-c", UNPACK, kind, key], { input: data });
  const members: (Omit<LegacyMember, "content"> & { readonly content: string })[] = JSON.parse(
    new TextDecoder().decode(output),
  );
  return members.map((it) => ({ ...it, content: Uint8Array.fromBase64(it.content) }));
}
