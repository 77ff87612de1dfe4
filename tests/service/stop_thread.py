"""stop_thread.py PID: one worker thread of the process makes no step any more,
the others run on. Ends when the process does, or is killed."""

import ctypes
import os
import pathlib
import re
import sys

PTRACE_ATTACH = 16
WALL = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p,
                        ctypes.c_void_p]

tasks = pathlib.Path(f"/proc/{sys.argv[1]}/task")
worker = next(int(task.name) for task in sorted(tasks.iterdir())
              if re.search(r"/\d+$", (task / "comm").read_text().strip()))
if libc.ptrace(PTRACE_ATTACH, worker, None, None):
    sys.exit(os.strerror(ctypes.get_errno()))
os.waitpid(worker, WALL)
print("stopped", flush=True)
# It stops for the signals that are sent to it, too, but for SIGKILL.
while os.WIFSTOPPED(os.waitpid(worker, WALL)[1]):
    pass
