"""Google's side of the stand-in for drive: an account's drive in a folder of this machine."""

import fcntl
import json
import os
import time

FOLDER = "application/vnd.google-apps.folder"


def md5(content):
    import _md5  # The whole of hashlib takes as long to load as all the rest.

    return _md5.md5(content).hexdigest()


class Google:
    """The drive of an account: files that know their parent. Every change of a file makes its version larger."""

    def __init__(self, place):
        self.place = place
        self.lock = open(f"{place}/lock", "a")
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        try:
            with open(f"{place}/files.json") as file:
                self.data = json.load(file)
        except FileNotFoundError:
            self.data = {"version": 0, "files": {}}

    def save(self):
        with open(f"{self.place}/files.json.new", "w") as file:
            json.dump(self.data, file)
        os.rename(f"{self.place}/files.json.new", f"{self.place}/files.json")

    def let_go(self):
        fcntl.flock(self.lock, fcntl.LOCK_UN)

    def blob(self, id):
        return f"{self.place}/blob-{id}"

    def get(self, id):
        if id == "root":
            return {"id": "root", "title": "My Drive", "mime": FOLDER, "parent": None, "trashed": False}
        file = self.data["files"].get(id)
        if file is None:
            raise LookupError(f"googleapi: Error 404: File not found: {id}, notFound")
        return file

    def is_trashed(self, file):
        while file["parent"] is not None:
            if file["trashed"] or file["parent"] != "root" and file["parent"] not in self.data["files"]:
                return True
            file = self.get(file["parent"])
        return False

    def children(self, parent):
        """Those changed last come first."""
        files = [it for it in self.data["files"].values() if it["parent"] == parent and not it["trashed"]]
        return sorted(files, key=lambda it: -it["version"])

    def titled(self, parent, name):
        title = name.replace("%2F", "/").casefold()
        return [it for it in self.children(parent) if it["title"].casefold() == title]

    def find(self, path):
        """The first that has this path."""
        file = self.get("root")
        for part in [it for it in path.split("/") if it]:
            found = self.titled(file["id"], part)
            if not found:
                return None
            file = found[0]
        return file

    def find_all(self, path):
        files = [self.get("root")]
        for part in [it for it in path.split("/") if it]:
            files = [child for file in files for child in self.titled(file["id"], part)]
        return files

    def touch(self, file):
        self.data["version"] += 1
        file["version"] = self.data["version"]
        file["modified"] = int(time.time())

    def insert(self, title, parent, mime, content=None):
        if parent["mime"] != FOLDER:
            raise LookupError("googleapi: Error 403: The specified parent is not a folder., parentNotAFolder")
        file = {"id": "1" + os.urandom(16).hex(), "title": title, "parent": parent["id"], "mime": mime}
        file.update({"trashed": False, "size": 0, "md5": ""})
        self.data["files"][file["id"]] = file
        self.fill(file, content)
        return file

    def fill(self, file, content):
        if content is not None:
            file["size"], file["md5"] = len(content), md5(content)
            # As Google keeps revisions: who reads the former one reads on.
            with open(f"{self.blob(file['id'])}.new", "wb") as blob:
                blob.write(content)
            os.rename(f"{self.blob(file['id'])}.new", self.blob(file["id"]))
        self.touch(file)

    def mkdirs(self, path):
        found = self.find(path)
        if found is not None:
            return found
        above, _, title = path.rpartition("/")
        return self.insert(title.replace("%2F", "/"), self.mkdirs(above), FOLDER)

    def delete(self, file):
        for child in [it for it in self.data["files"].values() if it["parent"] == file["id"]]:
            self.delete(child)
        del self.data["files"][file["id"]]
        if os.path.exists(self.blob(file["id"])):
            os.remove(self.blob(file["id"]))
