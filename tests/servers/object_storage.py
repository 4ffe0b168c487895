#!/usr/bin/env python3
"""Runs OpenStack Swift, whose proxy speaks its own protocol and S3: object_storage.py FOLDER PORT

All its servers run in this one process, with one disk, FOLDER. The proxy listens on PORT of 127.0.0.1 as soon as all is
ready; user and key are "escale:me" and "secret". Nothing is forced to the disk. On a busy machine it waits instead of
giving up, so that a listing has all that was stored. What is sent in one request has at most 32 MiB.
"""
import json
import os
import sys
from array import array

import eventlet
import eventlet.patcher

eventlet.patcher.monkey_patch()

from eventlet import wsgi
from swift.common import constraints, utils
from swift.common.ring import RingData
from swift.common.wsgi import SwiftHttpProtocol, loadapp

STORES = ("account", "container", "object")

SWIFT = """[swift-hash]
swift_hash_path_suffix = escale
[swift-constraints]
max_file_size = 33554432
"""

STORE = """[DEFAULT]
swift_dir = {home}
devices = {home}/devices
mount_check = false
log_level = ERROR
conn_timeout = 30
node_timeout = 60
container_update_timeout = 60
[pipeline:main]
pipeline = {name}-server
[app:{name}-server]
use = egg:swift#{name}
"""

PROXY = """[DEFAULT]
swift_dir = {home}
log_level = ERROR
[pipeline:main]
pipeline = catch_errors cache bulk s3api tempauth slo dlo copy proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
conn_timeout = 30
node_timeout = 60
error_suppression_limit = 1000000
[filter:cache]
paste.filter_factory = __main__:cache_factory
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:bulk]
use = egg:swift#bulk
[filter:s3api]
use = egg:swift#s3api
[filter:tempauth]
use = egg:swift#tempauth
user_escale_me = secret .admin
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
[filter:copy]
use = egg:swift#copy
"""


class Cache:
    """What memcached does for Swift: values come back as JSON has them."""

    def __init__(self):
        self.values = {}

    def get(self, key, **_):
        text = self.values.get(key)
        return None if text is None else json.loads(text)

    def set(self, key, value, **_):
        self.values[key] = json.dumps(value)

    def incr(self, key, delta=1, **_):
        value = (self.get(key) or 0) + delta
        self.set(key, value)
        return value

    def delete(self, key, **_):
        self.values.pop(key, None)


def cache_factory(_global_conf, **_):
    cache = Cache()

    def add_cache(app):
        def serve(environ, start_response):
            environ["swift.cache"] = cache
            return app(environ, start_response)

        return serve

    return add_cache


def with_lengths(app):
    """Debian's eventlet ends an answer without a length by a chunk, also where none may follow."""

    def serve(environ, start_response):
        def begin(status, headers, *rest):
            has_length = any(name.lower() == "content-length" for name, _ in headers)
            if not has_length and (environ["REQUEST_METHOD"] == "HEAD" or status.startswith("204")):
                headers = [*headers, ("Content-Length", "0")]
            return start_response(status, headers, *rest)

        return app(environ, begin)

    return serve


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def place_on(sockets, home):
    """All of each kind stands on the one disk, behind the socket of its server."""
    for name, socket in sockets.items():
        port = socket.getsockname()[1]
        place = {"ip": "127.0.0.1", "port": port, "device": "disk"}
        other = {"replication_ip": "127.0.0.1", "replication_port": port, "meta": ""}
        device = {"id": 0, "region": 0, "zone": 0, "weight": 1, **place, **other}
        RingData([array("H", [0, 0])], [device], 31).save(f"{home}/{name}.ring.gz")


def serve(name, socket, home):
    path = f"{home}/{name}.conf"
    write(path, (PROXY if name == "proxy" else STORE).format(name=name, home=home))
    app = with_lengths(loadapp(path, global_conf={"log_name": name}))
    options = {"protocol": SwiftHttpProtocol, "capitalize_response_headers": False}
    return eventlet.spawn(wsgi.server, socket, app, utils.NullLogger(), **options)


def main(home, port):
    os.fsync = os.fdatasync = lambda _: None
    os.makedirs(f"{home}/devices/disk")
    # Objects carry their metadata so; a file system that has no such attributes is told of at once.
    os.setxattr(f"{home}/devices/disk", "user.swift", b"")
    write(f"{home}/swift.conf", SWIFT)
    utils.set_swift_dir(home)
    constraints.reload_constraints()
    # From now on all of them write what goes wrong on standard error as well.
    utils.get_logger({"log_level": "ERROR"}, log_to_console=True)
    sockets = {name: eventlet.listen(("127.0.0.1", 0)) for name in STORES}
    place_on(sockets, home)
    for name, socket in sockets.items():
        serve(name, socket, home)
    serve("proxy", eventlet.listen(("127.0.0.1", port)), home).wait()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
