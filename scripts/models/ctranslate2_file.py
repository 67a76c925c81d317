"""Reads the binary model file of CTranslate2."""

import struct

import numpy as np

ELEMENT_TYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}


class _Reader:
    def __init__(self, data):
        self.data = memoryview(data)
        self.offset = 0

    def number(self, code):
        (value,) = struct.unpack_from("<" + code, self.data, self.offset)
        self.offset += struct.calcsize("<" + code)
        return value

    def take(self, length):
        piece = self.data[self.offset : self.offset + length]
        self.offset += length
        return piece

    def string(self):
        return bytes(self.take(self.number("H"))).rstrip(b"\0").decode()


def read_weights(data):
    """Returns {variable name: array} of a model file's bytes; aliases share their array."""
    reader = _Reader(data)
    version = reader.number("I")
    if version >= 2:
        reader.string()  # specification, e.g. WhisperSpec
        reader.number("I")  # its revision
    weights = {}
    for _ in range(reader.number("I")):
        name = reader.string()
        shape = [reader.number("I") for _ in range(reader.number("B"))]
        element_type = ELEMENT_TYPES[reader.number("B")]
        raw = reader.take(reader.number("I"))
        weights[name] = np.frombuffer(raw, dtype=element_type).reshape(shape)
    if version >= 3:
        for _ in range(reader.number("I")):
            alias = reader.string()
            weights[alias] = weights[reader.string()]
    if reader.offset != len(reader.data):
        raise ValueError(f"{len(reader.data) - reader.offset} bytes left over after the last variable")
    return weights
