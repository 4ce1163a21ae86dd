"""Run a command on a terminal: terminal.py COLUMNS ANSWER COMMAND [ARGUMENT...].

Types ANSWER at the first question ("-": never, "^C", "^D": those keys), as slowly as a person; its
second line is there for the question after.
Prints what the terminal was sent, and ends with the command's status (128 + signal); after 30
seconds the command is ended.
"""

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

QUESTION = b"): "  # how every question ends
LIMIT_S = 30.0


def main(columns: int, answer: str, command: list[str]) -> int:
    """Run and relay; the status of the command."""
    pid, terminal = pty.fork()
    if pid == 0:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # whoever runs the tests may ignore Ctrl-C
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        os.execv(command[0], command)  # noqa: S606 it becomes what is tested
    typed = {"-": b"", "^C": b"\x03", "^D": b"\x04"}.get(answer, answer.encode() + b"\n")
    heard, end = b"", time.monotonic() + LIMIT_S
    while True:
        if time.monotonic() > end:
            os.killpg(pid, signal.SIGKILL)
        if not select.select([terminal], [], [], 0.2)[0]:
            continue
        try:
            data = os.read(terminal, 65_536)
        except OSError:  # Linux tells the end of a terminal so
            break
        heard += data
        if typed and heard.endswith(QUESTION):
            time.sleep(0.2)  # what asked may still be on its way to reading
            os.write(terminal, typed)
            typed = b""
    _, status = os.waitpid(pid, 0)
    sys.stdout.buffer.write(heard)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2], sys.argv[3:]))
