"""Print the lines of stdin that take more columns than given: wider.py COLUMNS."""

import re
import sys
import unicodedata


def columns_of(line: str) -> int:
    """Count columns: wide characters and those shown as emoji take two, marks none."""
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line).replace("\r", "")
    plain = re.sub(r".\ufe0f", "xx", plain)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in plain
    )


if __name__ == "__main__":
    for text in sys.stdin.buffer.read().decode("utf-8", "replace").split("\n"):
        if columns_of(text) > int(sys.argv[1]):
            print(f"{columns_of(text)} columns: {text}")
