"""A stand-in for the program drive (github.com/odeke-em/drive, as of version 0.3.9) on a folder of this machine.

It has the commands, options, texts and exit statuses that a relay meets, written down from the sources of that program:
which stream says what, that most commands fail with status 0 and words, that names are looked for without regard to case, that
a folder can hold any number of files of one name, that "pull -piped" by name gives them one after the other, that a sender who
dies has sent the whole. What stands in for Google's side is a folder; its path is the "refresh_token" of the credentials.

Tests put a text into the file "fail COMMAND" of that folder: the next such command says it and fails. "log" there gets the
arguments of each run, if it exists.
"""

import json
import os
import sys
import time

from fake_google import FOLDER, Google

BOOL, TEXT = bool, str
PIPED = {"piped": BOOL, "quiet": BOOL, "exclude-ops": TEXT, "hidden": BOOL, "no-prompt": BOOL}
LISTING = {
    **{name: BOOL for name in ("hidden", "files", "directories", "long", "shared", "trashed", "version")},
    **{name: BOOL for name in ("no-prompt", "owners", "recursive", "matches", "quiet", "id")},
    **{name: TEXT for name in ("depth", "pagesize", "sort", "skip-mime", "match-mime", "exact-title")},
    **{name: TEXT for name in ("match-owner", "exact-owner", "skip-owner")},
}
BY_ID = {name: BOOL for name in ("hidden", "matches", "quiet", "id")}
FLAGS = {
    "id": {"depth": TEXT, "hidden": BOOL},
    "stat": {**{n: BOOL for n in ("id", "hidden", "recursive", "quiet", "md5sum")}, "depth": TEXT},
    "list": LISTING,
    "du": LISTING,
    "push": {**PIPED, "force": BOOL, "no-clobber": BOOL, "encryption-password": TEXT},
    "pull": {**PIPED, "id": BOOL, "force": BOOL, "decryption-password": TEXT},
    "rename": {n: BOOL for n in ("force", "quiet", "id", "local", "remote")},
    "delete": {**BY_ID, "no-prompt": BOOL},
    "trash": {**BY_ID, "verbose": BOOL},
    "new": {"folder": BOOL, "mime-key": TEXT},
    "quota": {},
}


def say(text):
    sys.stdout.write(text)


def complain(text):
    sys.stderr.write(text)


def die(text, status=255):
    complain(f"{text}\n")
    sys.stdout.flush()
    sys.exit(status)


def parse(command, args):
    """As Go's package flag has it: one or two hyphens, "=" or the next argument, "--" ends the options."""
    known, given = FLAGS[command], {}
    while args and args[0].startswith("-") and args[0] != "-":
        word = args.pop(0)
        if word == "--":
            break
        name, has_value, value = word.lstrip("-").partition("=")
        if name not in known:
            complain(f"flag provided but not defined: -{name}\nUsage of {command}:\n")
            sys.exit(2)
        if known[name] is BOOL:
            given[name] = value.lower() in ("1", "t", "true") if has_value else True
        else:
            given[name] = value if has_value else args.pop(0)
    return given, args


def discover(start):
    place = start
    while not os.path.isdir(f"{place}/.gd"):
        if place == os.path.dirname(place):
            die(
                "no drive context found; run `drive init` or go into one of the directories (sub directories) "
                "that you performed `drive init`"
            )
        place = os.path.dirname(place)
    try:
        with open(f"{place}/.gd/credentials.json") as file:
            return place, json.load(file)["refresh_token"]
    except FileNotFoundError:
        die(f"open {place}/.gd/credentials.json: no such file or directory")


def shown(file):
    return file["title"].replace("/", "%2F")


def pretty(size):
    size, units = float(size), ["B", "KB", "MB", "GB", "TB", "PB"]
    while size / 1024 >= 1 and len(units) > 1:
        size, units = size / 1024, units[1:]
    return f"{size:.2f}{units[0]}"


def quote(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def when(file):
    return time.strftime("%Y-%m-%d %H:%M:%S +0000 UTC", time.gmtime(file["modified"]))


class Cipher:
    """Has the form of what drive encrypts, with another cipher in place of AES, which Python does not bring along."""

    # The program takes 2^18; they stand in the header.
    rounds = 16

    def __init__(self, password, salt):
        import hashlib

        key = hashlib.scrypt(password.encode(), salt=salt, n=self.rounds, r=8, p=1, dklen=64)
        self.key, self.mac_key = key[:32], key[32:]

    def mix(self, content, iv):
        import hashlib

        blocks = range(len(content) // 64 + 1)
        stream = b"".join(hashlib.sha512(self.key + iv + i.to_bytes(8, "big")).digest() for i in blocks)
        number = int.from_bytes(content, "big") ^ int.from_bytes(stream[: len(content)], "big")
        return number.to_bytes(len(content), "big")

    def mac(self, body):
        import hmac

        return hmac.digest(self.mac_key, body, "sha512")


def encrypt(content, password):
    salt, iv = os.urandom(32), os.urandom(16)
    cipher = Cipher(password, salt)
    body = Cipher.rounds.to_bytes(4, "little") + salt + iv + cipher.mix(content, iv)
    return bytes(4) + body + cipher.mac(body)


def decrypt(content, password):
    if content[:4] != bytes(4):
        die(f"unknown decrypter for version({int.from_bytes(content[:4], 'little')})")
    body, mac = content[4:-64], content[-64:]
    salt, iv = body[4:36], body[36:52]
    cipher = Cipher(password, salt)
    if len(content) < 120 or cipher.mac(body) != mac:
        die("message corrupt or incorrect password")
    return cipher.mix(body[52:], iv)


def do_id(google, sources, flags):
    problems, has_header = [], False
    for path in sources:
        found = google.find_all(path)
        if found and not has_header:
            say(f"{'FileId':<48} Relative Path\n")
            has_header = True
        for file in found:
            say(f"{quote(file['id']):<48} {quote(path)}\n")
        if not found:
            problems += [f"{quote(path)} does not exist remotely", f"{quote(path)} not matched"]
    if problems:
        die("\n".join(problems))


def do_stat(google, sources, flags):
    for source in sources:
        try:
            file = google.get(source)
        except LookupError as error:
            complain(f"statById: {source} err: {error}\n")
            continue
        is_folder = file["mime"] == FOLDER
        say(f"\n\033[92m{source}\033[00m\n")
        rows = [("Filename", shown(file)), ("FileId", file["id"]), ("Bytes", file["size"])]
        rows += [("Size", pretty(file["size"])), ("DirType", "folder" if is_folder else "file")]
        rows += [("VersionNumber", file["version"]), ("MimeType", file["mime"]), ("Etag", '"etag"')]
        rows += [("ModTime", when(file)), ("LastViewedByMe", "0001-01-01 00:00:00 +0000 UTC")]
        rows += [("Shared", "false"), ("Owners", "A User"), ("LastModifyingUsername", "A User")]
        rows += [("OriginalFilename", "" if is_folder else ".escale-0.tmp")]
        if not is_folder:
            rows += [("Md5Checksum", file["md5"]), ("Copyable", "true")]
        rows += [("Starred", "false"), ("Viewed", "true"), ("Trashed", str(google.is_trashed(file)).lower())]
        for key, value in rows:
            say(f"{key:<25} {value!s:<30}\n")
        say("\n*\nName: A User <user@example.org>\n")
        say(f"{'Role':<20} {'owner':<30}\n{'AccountType':<20} {'user':<30}\n*\n")


def do_list(google, sources, flags, usage=False):
    depth = -1 if flags.get("recursive") else int(flags.get("depth", "1"))

    def show(file, parent):
        path = f"{parent}/{shown(file)}"
        if usage:
            return say(f"{file['size']:<12} {path}\n")
        if not flags.get("long"):
            return say(f"{path} \n")
        say(("d" if file["mime"] == FOLDER else "-") + "-" + f" {'owner':<10} ")
        if flags.get("version"):
            say(f" v{file['version']}")
        say(f" {pretty(file['size']):<10}\t{file['id']:<10}\t\t{when(file):<20}\t{path:<50}\n")

    def walk(file, parent, depth):
        if file["mime"] != FOLDER:
            return show(file, parent)
        here = "" if file["id"] == "root" else f"{parent}/{shown(file)}"
        if depth == 0:
            return
        found = google.children(file["id"])
        found = [it for it in found if flags.get("hidden") or not it["title"].startswith(".")]
        for child in found:
            if not (flags.get("files") and child["mime"] == FOLDER):
                show(child, here)
        for child in found:
            if child["mime"] == FOLDER:
                walk(child, here, depth - 1)

    for source in sources:
        file = google.get(source) if flags.get("id") else google.find(source)
        if file is None:
            complain(f"{quote(source)} cannot be found remotely\n")
            continue
        walk(file, file["parent"] if flags.get("id") else source.rpartition("/")[0], depth)


def do_du(google, sources, flags):
    do_list(google, sources, flags, usage=True)


def do_push(google, sources, flags):
    google.let_go()
    content = sys.stdin.buffer.read()
    google = Google(google.place)
    [path] = sources
    above, _, base = path.rpartition("/")
    file = google.find(path)
    if file is not None and not flags.get("force"):
        die(f"{path} already exists remotely, use `force` to override this behaviour.\n", 19)
    if flags.get("encryption-password"):
        content = encrypt(content, flags["encryption-password"])
    parent = google.mkdirs(above)
    if file is None:
        google.insert(base.replace("%2F", "/"), parent, "application/octet-stream", content)
    else:
        google.fill(file, None if file["mime"] == FOLDER else content)
    google.save()


def do_pull(google, sources, flags):
    for source in sources:
        files = [google.get(source)] if flags.get("id") else google.find_all(source)
        for file in files:
            if file["mime"] == FOLDER:
                die("googleapi: Error 403: Only files with binary content can be downloaded, fileNotDownloadable")
            with open(google.blob(file["id"]), "rb") as blob:
                google.let_go()
                if flags.get("decryption-password"):
                    sys.stdout.buffer.write(decrypt(blob.read(), flags["decryption-password"]))
                    continue
                while chunk := blob.read(256 * 1024):
                    sys.stdout.buffer.write(chunk)


def do_rename(google, sources, flags):
    source, name = sources
    file = google.find(source)
    if file is None:
        die(f"{source}: remote path doesn't exist")
    target = google.find(f"{source.rpartition('/')[0]}/{name}")
    if target is not None and target["id"] != file["id"] and not flags.get("force"):
        die(f"{name} already exists. Use `force` flag to override this behaviour", 19)
    if flags.get("local", True):
        die(f"rename {source} {name}: no such file or directory")
    if target is None or target["id"] != file["id"]:
        file["title"] = name
        google.touch(file)
    google.save()


def do_delete(google, sources, flags, to_trash=False):
    if flags.get("no-prompt"):
        die('"no-prompt" is set yet performing a permanent deletion')
    for source in sources:
        try:
            file = google.get(source)
        except LookupError as error:
            complain(f"\033[91m'{source}': {error}\033[00m\n")
            continue
        if to_trash:
            file["trashed"] = True
        else:
            google.delete(file)
    google.save()


def do_trash(google, sources, flags):
    do_delete(google, sources, flags, to_trash=True)


def do_new(google, sources, flags):
    for path in sources:
        above, _, base = path.rpartition("/")
        try:
            kind = FOLDER if flags.get("folder") else "application/octet-stream"
            file = google.insert(base.replace("%2F", "/"), google.mkdirs(above), kind)
        except LookupError as error:
            complain(f"newFile: {path} creation failed {error}\n")
            continue
        say(f"{path} {file['id']}\n")
    google.save()


def do_quota(google, sources, flags):
    used, total = sum(it["size"] for it in google.data["files"].values()), 15 * 1024**3
    say("Name: A User\nAccount type:\tLIMITED\n")
    for label, size in (("Used", used), ("Free", total - used), ("InTrash", 0)):
        say(f"Bytes {label}:\t{size:<20} ({pretty(size)})\n")
    say(f"Total Bytes:\t{total:<20} ({pretty(total)})\n\n")


COMMANDS = {
    **{"id": do_id, "stat": do_stat, "list": do_list, "du": do_du, "push": do_push, "pull": do_pull},
    **{"rename": do_rename, "delete": do_delete, "trash": do_trash, "new": do_new, "quota": do_quota},
}


def main():
    command, args = (sys.argv[1:2] or ["help"])[0], sys.argv[2:]
    if command not in COMMANDS:
        say("Usage: drive <command>\n\nwhere <command> is one of:\n")
        sys.exit(1)
    flags, args = parse(command, args)
    by_id = flags.get("id", False)
    first = os.getcwd() if by_id or not args else os.path.abspath(args[0])
    mount, account = discover(first)
    if not os.path.isdir(account):
        die('oauth2: cannot fetch token: 400 Bad Request\nResponse: {"error": "invalid_grant"}')
    if os.path.exists(f"{account}/log"):
        with open(f"{account}/log", "a") as log:
            log.write(json.dumps(sys.argv[1:]) + "\n")
    if os.path.exists(f"{account}/fail {command}"):
        with open(f"{account}/fail {command}") as file:
            text = file.read()
        os.remove(f"{account}/fail {command}")
        die(text)
    if command == "rename":
        sources = [os.path.abspath(args[0])[len(mount):], args[1]]
    else:
        sources = args if by_id else [os.path.abspath(it)[len(mount):] or "/" for it in args]
    try:
        COMMANDS[command](Google(account), sources, flags)
    except LookupError as error:
        die(str(error))


if __name__ == "__main__":
    main()
