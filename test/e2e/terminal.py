#!/usr/bin/env python3
"""terminal.py MLRUN PLAN DATA: what training shows on a terminal, and elsewhere."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

mlrun, plan, data = sys.argv[1:]
command = [mlrun, "train", plan, "--data", data, "--threads", "1", "--epochs"]


def on_terminal(columns, **environment):
    """Everything written to a terminal of that many columns."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 45, columns, 0, 0))
    names = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "CLICOLOR_FORCE")}
    # The bar is first drawn after a tenth of a second.
    child = subprocess.Popen([*command, "400"], stderr=slave, env={**names, "TERM": "xterm", **environment})
    os.close(slave)
    written = b""
    try:
        while chunk := os.read(master, 65536):
            written += chunk
    except OSError:  # the child has closed its end
        pass
    assert child.wait() == 0, written.decode()
    return written.decode()


def drawn(text):
    """The states of the bar's line, without colours."""
    plain = re.sub(r"\x1b\[[0-9;]*[mK]", "", text)
    return [state for line in plain.split("\r\n") for state in line.split("\r") if state.startswith("epoch") and "batch loss" not in state]


for columns in (200, 80, 30):
    text = on_terminal(columns)
    states = drawn(text)
    assert states, f"nothing drawn on {columns} columns: {text!r}"
    assert max(map(len, states)) < columns, f"{max(states, key=len)!r} is wider than {columns} columns"
    if columns >= 80:
        pattern = r"^epoch \d+/400(  step \d+/18000)?  [━╺ ]{3,24}  \d+ examples/s  ETA \d+:\d+  loss [\d.e-]+, accuracy"
        assert all(re.match(pattern, state) for state in states), states
    assert "\x1b[32m" in text or columns < 80, "no colour on a terminal"
    assert re.search(r"epoch 400, step 18000: last batch loss [\d.e-]+, accuracy [\d.]+; test loss", text), text

plain = on_terminal(100, NO_COLOR="1")
assert drawn(plain) and not re.search(r"\x1b\[[0-9;]*m", plain), "colours in spite of NO_COLOR"
assert not re.search(r"\x1b\[[0-9;]*m", on_terminal(100, TERM="dumb")), "colours on a dumb terminal"

elsewhere = subprocess.run([*command, "20"], stderr=subprocess.PIPE, check=True, text=True).stderr
assert "\r" not in elsewhere and "\x1b" not in elsewhere, "a bar in a file"
assert elsewhere.count("\nepoch ") + 1 >= 20 and re.search(r"trained 900 steps in \d+\.\d s, \d+ examples/s", elsewhere), elsewhere
quiet = subprocess.run([*command, "20", "-q"], stderr=subprocess.PIPE, check=True, text=True).stderr
assert quiet == "", quiet
print("progress is a bar on terminals of any width, and lines elsewhere")
