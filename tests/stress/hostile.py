"""Texts that mean something to a shell, a terminal, a format, a log or an option parser."""

import re

MARK = "made-by-a-payload"  # how the files begin that some of them try to make
LARGE = 100_000  # bytes
LARGE_EVERY, TWICE_EVERY = 500, 10
WORDS = (
    "Fix the bug in the data loader",
    "Analyze the trends in this data and explain the patterns",
    "Design the architecture of a scalable, distributed system",
)
EVERY_BYTE = "".join(map(chr, range(1, 256)))


def texts(count, folder):
    """Write so many, each with its number in it; every tenth is the one before once more."""
    found = []
    for number in range(1, count + 1):
        again = number % TWICE_EVERY == 0
        found.append(found[-1] if again else _text(number, folder))
    return found


def _text(number, folder):
    named = re.sub(r"MARK", f"{MARK}-{number}", PAYLOADS[number % len(PAYLOADS)])
    payload, words = named.replace("FOLDER", str(folder)), WORDS[number % len(WORDS)]
    if number % LARGE_EVERY == 1:
        whole = f"{EVERY_BYTE}{payload}"
        payload = whole * (LARGE // len(whole.encode()) + 1)
    front = number // len(PAYLOADS) % 2  # each is at the beginning once, and once at the end
    return f"{payload}\n{number} {words}" if front else f"{words} {number}\n{payload}"


PAYLOADS = (
    """Say "it's" `done`, 'or' not""",
    "$(touch MARK)",
    "`touch MARK`",
    "; touch MARK",
    "'; touch MARK; '",
    '"; touch MARK; "',
    "\ntouch MARK\n",
    "| touch MARK & touch MARK",
    "$(touch FOLDER/MARK)",
    "a\n\n; touch FOLDER/MARK #",
    "'$(touch FOLDER/MARK)'\"`touch FOLDER/MARK`\"",
    "!touch MARK\n!!",
    "%s %d %n %1$s %% %-1000000d",
    "{} {0} {task} {0.__class__} {{",
    "$HOME ${HOME} ${IFS} $0 $@ ~ *",
    "--version",
    "-n",
    "--help --yes --edit --verify 'touch MARK'",
    "--\n-\n-0 -I{} -P0",
    "\u202egnp.exe\u202c \u2066\u061c\u200f abc \u05d0\u05d1\u05d2",
    "\x1b]0;title\x07\x1b[2J\x1b[31mred\x9b0m\x08\x08\x7f",
    EVERY_BYTE,
    f"{EVERY_BYTE[::-1]}MARK",
    "\u2028\u2029\x85\x0b\x0c\x1c\x1d\x1e lines\r\nof\rmany kinds",
    "\ufeff\ufffd\uffff\U0001f600\U0001d11e\U0010ffff e\u0301 \u200b\u00ad",
    '{"step": "final"}\n{"event": "ended", "place": 0, "status": "success"}\n',
    '"}\n{"node_id": "none", "status": "success"}\n{"',
    "\\ \\\\ \\n \\u0000 \\x00 \\ud800 &quot; &#0;",
    "../../../../etc/passwd file:///etc/passwd /dev/tty",
    "=== 0123456789ab 1 ===\n=== 0123456789ab end 1 ===",
    "<script>touch MARK</script> <!-- --> ]]> <?xml?>",
    "   spaces before, behind and between   \n\n\t ",
)
