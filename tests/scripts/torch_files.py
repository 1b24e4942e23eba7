"""Files of torch.save, written instruction by instruction, without torch."""

import io
import pickletools
import struct
import zipfile
from typing import NamedTuple

import numpy as np

STORAGES = {"<f8": "Double", "<f4": "Float", "<f2": "Half", "<u2": "BFloat16",
            "<i8": "Long"}  # fmt: skip


class Named(NamedTuple):
    """A global, or a call of one with some arguments, or an object with fields."""

    module: str
    name: str
    arguments: tuple | None = None
    fields: dict | None = None


class View(NamedTuple):
    """A tensor: numbers from `offset` of an array, with a shape and strides."""

    array: np.ndarray
    offset: int
    shape: tuple
    strides: tuple


class Writer:
    """Makes the pickle of a value; ``storages`` are the arrays that it names."""

    def __init__(self):
        self.storages = []

    def key(self, array):
        for i, other in enumerate(self.storages):
            if other is array:
                return i
        self.storages.append(array)
        return len(self.storages) - 1

    def write(self, value):
        """The instructions that put a value on the stack."""
        match value:
            case None | True | False:
                return {None: b"N", True: b"\x88", False: b"\x89"}[value]
            case int():
                return b"J" + struct.pack("<i", value)
            case float():
                return b"G" + struct.pack(">d", value)
            case str():
                return b"X" + struct.pack("<L", len(value.encode())) + value.encode()
            case bytes():
                return b"C" + bytes([len(value)]) + value
            case Named():
                return self.named(*value)
            case View():
                return self.view(*value)
            case tuple():
                return b"(" + b"".join(map(self.write, value)) + b"t"
            case list():
                return b"](" + b"".join(map(self.write, value)) + b"e"
            case dict():
                pairs = (self.write(k) + self.write(v) for k, v in value.items())
                return b"}(" + b"".join(pairs) + b"u"
        steps = [n // value.itemsize for n in value.strides]
        return self.view(value, 0, value.shape, tuple(steps))

    def named(self, module, name, arguments=None, fields=None):
        done = f"c{module}\n{name}\n".encode()
        if arguments is not None:
            done += self.write(arguments) + (b"R" if fields is None else b"\x81")
        return done if fields is None else done + self.write(fields) + b"b"

    def view(self, array, offset, shape, strides):
        kind = Named("torch", STORAGES[array.dtype.str] + "Storage")
        store = ("storage", kind, str(self.key(array)), "cpu", array.size)
        rest = (offset, shape, strides, False, Named("collections", "OrderedDict", ()))
        arguments = b"(" + self.write(store) + b"Q" + b"".join(map(self.write, rest))
        return self.named("torch._utils", "_rebuild_tensor_v2") + arguments + b"tR"

    def pickle(self, value):
        data = b"\x80\x02" + self.write(value) + b"."
        pickletools.dis(data, io.StringIO())  # it is a right one
        return data


def zipped(value, more=(), stem="archive"):
    """The bytes of a zip archive, as torch.save makes them; `more`: other entries."""
    writer, file = Writer(), io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(f"{stem}/data.pkl", writer.pickle(value))
        for i, array in enumerate(writer.storages):
            archive.writestr(f"{stem}/data/{i}", array.tobytes("A"))
        for name, content in more:
            archive.writestr(f"{stem}/{name}", content)
    return file.getvalue()


def legacy(value, **machine):
    """The bytes of the stream that torch.save made before version 1.6."""
    writer = Writer()
    magic = b"\x80\x02\x8a\x0a" + (0x1950A86A20F9469CFC6C).to_bytes(10, "little") + b"."
    content = writer.pickle(value)
    keys = [str(i) for i in range(len(writer.storages))]
    parts = [magic, writer.pickle(1001)]
    parts += [writer.pickle({"little_endian": True, **machine}), content]
    parts.append(writer.pickle(keys))
    for array in writer.storages:
        parts += [struct.pack("<q", array.size), array.tobytes("A")]
    return b"".join(parts)
