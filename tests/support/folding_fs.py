#!/usr/bin/env python3
"""Mounts a file system that takes names for equal that differ in case or Unicode form, as macOS and Windows have it.

folding_fs.py STORE MOUNT_POINT keeps its files in STORE, under the names that they were made with.
"""
import errno
import os
import sys
import unicodedata

from fusepy import FUSE, FuseOSError, Operations


def fold(name):
    return unicodedata.normalize("NFC", name).casefold()


class FoldingFileSystem(Operations):
    def __init__(self, store):
        self.store = store

    def place(self, path):
        """Where `path` stands in the store: each part under the name that it was made with."""
        place = self.store
        for part in path.strip("/").split("/"):
            if not part:
                continue
            try:
                names = os.listdir(place)
            except OSError:
                names = []
            twins = [name for name in names if fold(name) == fold(part)]
            place = os.path.join(place, part if part in names or not twins else twins[0])
        return place

    def getattr(self, path, handle=None):
        info = os.lstat(self.place(path))
        keys = ("st_mode", "st_ino", "st_nlink", "st_uid", "st_gid", "st_size")
        attributes = {key: getattr(info, key) for key in keys}
        for key in ("st_atime", "st_mtime", "st_ctime"):
            attributes[key] = getattr(info, key + "_ns")
        return attributes

    use_ns = True

    def readdir(self, path, handle):
        return [".", "..", *os.listdir(self.place(path))]

    def readlink(self, path):
        return os.readlink(self.place(path))

    def access(self, path, mode):
        if not os.access(self.place(path), mode):
            raise FuseOSError(errno.EACCES)

    def create(self, path, mode, info=None):
        return os.open(self.place(path), os.O_RDWR | os.O_CREAT, mode)

    def open(self, path, flags):
        return os.open(self.place(path), flags & ~os.O_NOFOLLOW)

    def read(self, path, size, offset, handle):
        return os.pread(handle, size, offset)

    def write(self, path, data, offset, handle):
        return os.pwrite(handle, data, offset)

    def truncate(self, path, length, handle=None):
        os.truncate(self.place(path), length)

    def flush(self, path, handle):
        return 0

    def release(self, path, handle):
        os.close(handle)

    def fsync(self, path, only_data, handle):
        os.fsync(handle)

    def fsyncdir(self, path, only_data, handle):
        return 0

    def utimens(self, path, times=None):
        os.utime(self.place(path), ns=times, follow_symlinks=False)

    def chmod(self, path, mode):
        os.chmod(self.place(path), mode)

    def mkdir(self, path, mode):
        os.mkdir(self.place(path), mode)

    def rmdir(self, path):
        os.rmdir(self.place(path))

    def unlink(self, path):
        os.unlink(self.place(path))

    def rename(self, old, new):
        source, target = self.place(old), self.place(new)
        if source == target:
            target = os.path.join(os.path.dirname(source), os.path.basename(new))
        os.rename(source, target)

    def link(self, target, source):
        os.link(self.place(source), self.place(target))

    def statfs(self, path):
        info = os.statvfs(self.place(path))
        return {key: getattr(info, key) for key in ("f_bavail", "f_bfree", "f_blocks", "f_bsize", "f_frsize")}


if __name__ == "__main__":
    _, store, mount_point = sys.argv
    FUSE(FoldingFileSystem(store), mount_point, foreground=True, nothreads=True, use_ino=True,
         attr_timeout=0, entry_timeout=0, negative_timeout=0)
