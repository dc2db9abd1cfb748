"""Draws `docs/images/demo.svg` from what `plimsoll demo --no-serve` says on a terminal."""  # noqa: INP001  a script

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

from rich.console import Console
from rich.text import Text

COLUMNS, SHOWN = 118, 2
"""Width of the terminal; alerts that are shown before the picture ends."""
PICTURE = Path(__file__).with_name("demo.svg")
COMMAND = "plimsoll demo --no-serve"


def said() -> str:
    """Run the demo on a terminal of its own and return what it said, colours and all."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
    plimsoll = Path(sys.executable).with_name("plimsoll")
    environment = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "COLUMNS"}}
    environment |= {"TERM": "xterm-256color"}
    with subprocess.Popen([plimsoll, *COMMAND.split()[1:]], stdin=theirs, stdout=theirs, env=environment) as demo:  # noqa: S603
        os.close(theirs)
        text = b"".join(iter(lambda: _read(ours), b"")).decode()
    if demo.returncode:
        sys.exit(f"the demo ended with {demo.returncode}")
    return text.replace("\r\n", "\n")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # nobody writes to it any more
        return b""


def beginning(text: str) -> str:
    """Return the text up to the last alert that is shown."""
    blocks = text.split("\n\n")
    first = next(number for number, block in enumerate(blocks) if "bits;" in block)
    return "\n\n".join([f"$ {COMMAND}\n{blocks[0]}", *blocks[1 : first + SHOWN], "…"])


def main() -> None:
    """Draw the picture, in the reader's own font for fixed widths: it fetches nothing."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO())
    console.print(Text.from_ansi(beginning(said())))
    picture = console.export_svg(title=COMMAND, unique_id="demo")
    offline = re.sub(r"@font-face \{.*?\}\s*", "", picture, flags=re.DOTALL)
    PICTURE.write_text(offline.replace("<text ", '<text xml:space="preserve" '), encoding="utf-8")


if __name__ == "__main__":
    main()
