"""A terminal with somebody at it: runs argv[2:] as the session leader of a pseudo-terminal and does what argv[1] says.

argv[1] is a JSON list of steps: {"expect": text} waits until the text is seen, {"type": text} types, {"size": [rows, columns]}
resizes the window, {"signal": name} sends a signal to the leader alone. Prints JSON: what was on the screen, and how it ended.
"""
import fcntl
import json
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

steps = json.loads(sys.argv[1])
pid, screen = pty.fork()
if pid == 0:
    # As a login does: every signal as the kernel has it.
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU):
        signal.signal(number, signal.SIG_DFL)
    os.execvp(sys.argv[2], sys.argv[2:])
seen = b""


def read(until):
    """Everything up to a text, or to the end."""
    global seen
    deadline = time.monotonic() + 12
    start = 0
    while until is None or until not in seen[start:]:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([screen], [], [], left)[0]:
            os.kill(pid, signal.SIGKILL)
            sys.exit("waited for %r in vain:\n%s" % (until, seen.decode(errors="replace")))
        try:
            chunk = os.read(screen, 65536)
        except OSError:  # EIO: nobody holds the other side any more
            chunk = b""
        if not chunk:
            if until is None:
                return
            sys.exit("ended before %r:\n%s" % (until, seen.decode(errors="replace")))
        seen += chunk
    # The next one is looked for behind this one.
    place = seen.index(until) + len(until)
    done.append(seen[:place])
    seen = seen[place:]


done = []
for step in steps:
    if "expect" in step:
        read(step["expect"].encode())
    if "type" in step:
        os.write(screen, step["type"].encode())
    if "size" in step:
        fcntl.ioctl(screen, termios.TIOCSWINSZ, struct.pack("HHHH", step["size"][0], step["size"][1], 0, 0))
    if "signal" in step:
        os.kill(pid, getattr(signal, step["signal"]))
read(None)
status = os.waitpid(pid, 0)[1]
text = (b"".join(done) + seen).decode(errors="replace").replace("\r\n", "\n")
print(json.dumps({"screen": text, "code": os.waitstatus_to_exitcode(status)}))
