"""Small pictures of each kind."""

import base64
import struct
import zlib


def png(width=24, height=24):
    """Draw a picture of stripes."""

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    lines = (bytes((x * 7 + y * 3) % 256 for x in range(3 * width)) for y in range(height))
    rows = b"".join(b"\0" + line for line in lines)
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = (chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def jpeg():
    """Draw a grey square: one block whose two codes are a bit each."""
    codes = bytes([1, *(15 * [0]), 0])
    segments = (
        (0xDB, bytes([0, *(64 * [1])])),
        (0xC0, struct.pack(">BHH", 8, 8, 8) + bytes([1, 1, 0x11, 0])),
        (0xC4, b"\x00" + codes),
        (0xC4, b"\x10" + codes),
        (0xDA, bytes([1, 1, 0, 0, 63, 0])),
    )
    parts = (struct.pack(">BBH", 0xFF, kind, len(data) + 2) + data for kind, data in segments)
    return b"\xff\xd8" + b"".join(parts) + b"\x3f\xff\xd9"


PNG = png()
GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
JPEG = jpeg()
WEBP = base64.b64decode("UklGRiQAAABXRUJQVlA4IBgAAAAwAQCdASoBAAEAAwA0JaQAA3AA/vuUAAA=")
