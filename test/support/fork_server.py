"""Runs Python programs in forks of one process that has imported what they need: a short run of an installer is mostly imports.

Its argument is a JSON list of modules. Each line that it reads is a job, `{"id", "code", "args", "cwd", "env", "output"}`; when the job has
ended it writes a line, `{"id", "status"}`.
"""

import importlib
import json
import os
import selectors
import signal
import sys
import tempfile
import traceback


def run(job):
    os.environ.clear()
    os.environ.update(job["env"])
    os.chdir(job["cwd"])
    output = os.open(job["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream, descriptor in ((os.open(os.devnull, os.O_RDONLY), 0), (output, 1), (output, 2)):
        os.dup2(stream, descriptor)
    tempfile.tempdir = None
    sys.argv = ["-c", *job["args"]]
    exec(job["code"], {"__name__": "__main__"})


def fork(job):
    pid = os.fork()
    if pid != 0:
        return pid
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        run(job)
        status = 0
    except SystemExit as ending:
        status = ending.code if isinstance(ending.code, int) else 0 if ending.code is None else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def main():
    for name in json.loads(sys.argv[1]):
        importlib.import_module(name)
    reader, writer = os.pipe()
    for descriptor in (reader, writer):
        os.set_blocking(descriptor, False)
    signal.set_wakeup_fd(writer)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    selector = selectors.DefaultSelector()
    selector.register(0, selectors.EVENT_READ)
    selector.register(reader, selectors.EVENT_READ)
    running, pending = {}, b""
    while True:
        for key, _ in selector.select():
            read = os.read(key.fd, 65536)
            if key.fd == reader:
                continue
            if read == b"":
                return
            *lines, pending = (pending + read).split(b"\n")
            for job in map(json.loads, lines):
                running[fork(job)] = job["id"]
        while running and (ended := os.waitpid(-1, os.WNOHANG))[0] != 0:
            answer = {"id": running.pop(ended[0]), "status": os.waitstatus_to_exitcode(ended[1])}
            os.write(1, json.dumps(answer).encode() + b"\n")


main()
