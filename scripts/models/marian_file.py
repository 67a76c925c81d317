"""Reads the binary model file of Marian (version 1), the form in which Bergamot models are published."""

import struct

HEADER = "<QQQQ"  # name length, element type, number of dimensions, data length


def read_weights(path):
    """Returns {variable name: (shape, raw bytes)}; quantised variables carry their scale after the data."""
    with open(path, "rb") as file:
        data = file.read()
    _version, count = struct.unpack_from("<QQ", data, 0)
    offset = 16
    headers = []
    for _ in range(count):
        headers.append(struct.unpack_from(HEADER, data, offset))
        offset += struct.calcsize(HEADER)
    names = []
    for name_length, *_ in headers:
        names.append(data[offset : offset + name_length - 1].decode())
        offset += name_length
    shapes = []
    for _, _, dimensions, _ in headers:
        shapes.append(struct.unpack_from(f"<{dimensions}i", data, offset))
        offset += 4 * dimensions
    (padding,) = struct.unpack_from("<Q", data, offset)
    offset += 8 + padding
    weights = {}
    for name, shape, (_, _, _, length) in zip(names, shapes, headers):
        weights[name] = (shape, data[offset : offset + length])
        offset += length
    return weights
