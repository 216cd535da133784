"""A compiled model in Python: the shared library that `weft compile` made, called through ctypes with numpy arrays.

    model = CompiledModel("vae.json", "vae.safetensors")
    latent, logvar = model.run("encode", x)           # x: float32 [B, 784], B one of the compiled batches
    latent, logvar = model.run_rows("encode", rows)   # any number of rows
"""
import ctypes
import json
import os

import numpy as np

DTYPES = {"f32": np.float32, "i32": np.int32, "u8": np.uint8, "bool": np.bool_}


class CompiledModel:
    """One model in use, by one thread at a time. Errors of the library are RuntimeErrors with its text."""

    def __init__(self, manifest, weights=None):
        """manifest: NAME.json, with NAME.so beside it. weights: a safetensors file, or None: those that the manifest
        names, or that were embedded, or fresh ones of seed 1."""
        with open(manifest) as file:
            self.manifest = json.load(file)
        self.name = self.manifest["name"]
        folder = os.path.dirname(os.path.abspath(manifest))
        self.library = ctypes.CDLL(self._whole(os.path.join(folder, self.name + ".so")))
        self.entries = {entry["name"]: entry for entry in self.manifest["entries"]}
        self._function("error").restype = ctypes.c_char_p
        self._function("steps").restype = ctypes.c_uint64
        self._function("destroy").restype = None
        self.model = ctypes.c_void_p()
        hash_ = ctypes.c_uint64(int(self.manifest["hash"], 16))
        if weights is None:
            self._call("create_from_manifest_checked", ctypes.byref(self.model), os.fsencode(manifest), hash_)
        else:
            self._call("create_checked", ctypes.byref(self.model), os.fsencode(weights), hash_)

    def close(self):
        if self.model:
            self._function("destroy")(self.model)
        self.model = ctypes.c_void_p()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # --- Running -----------------------------------------------------------------------------------------------------

    def run(self, entry, *inputs):
        """The outputs of an entry, in its order, as arrays; one array where there is one output."""
        described = self._entry(entry)
        if len(inputs) != len(described["inputs"]):
            names = ", ".join(port["name"] for port in described["inputs"])
            raise ValueError(f"{entry} takes {len(described['inputs'])} inputs ({names}), got {len(inputs)}")
        batch = len(inputs[0]) if inputs else described["batches"][0]
        inputs = [self._array(port, batch, values) for port, values in zip(described["inputs"], inputs)]
        outputs = [np.empty(self._shape(port, batch), DTYPES[port["dtype"]]) for port in described["outputs"]]
        self._call("run", self.model, entry.encode(), ctypes.c_int64(batch), *_buffers(inputs), *_buffers(outputs))
        return outputs[0] if len(outputs) == 1 else tuple(outputs)

    def run_rows(self, entry, rows):
        """An entry of one input on any number of rows: by the largest compiled batches that fit. A batch of 1 must be
        among them where the rows are no sum of the others."""
        batches = sorted(self._entry(entry)["batches"], reverse=True)
        parts, begin = [], 0
        while begin < len(rows):
            fitting = [batch for batch in batches if batch <= len(rows) - begin]
            if not fitting:
                raise ValueError(f"{entry}: {len(rows) - begin} rows are left, fewer than any batch of {batches}")
            parts.append(self.run(entry, rows[begin : begin + fitting[0]]))
            begin += fitting[0]
        if isinstance(parts[0], tuple):
            return tuple(np.concatenate(column) for column in zip(*parts))
        return np.concatenate(parts)

    # --- Training ----------------------------------------------------------------------------------------------------

    def init(self, seed):
        self._call("init", self.model, ctypes.c_uint64(seed))

    def set(self, hyper, value):
        self._call("set", self.model, hyper.encode(), ctypes.c_double(value))

    def save(self, path):
        self._call("save", self.model, os.fsencode(path))

    def load(self, path):
        self._call("load", self.model, os.fsencode(path))

    def steps(self):
        return self._function("steps")(self.model)

    def order(self, seed, epoch, count):
        """In which order `weft train --seed` takes `count` samples in an epoch, from 1."""
        indices = np.empty(count, np.int32)
        self._call("order", ctypes.c_uint64(seed), ctypes.c_uint64(epoch), ctypes.c_int64(count), _pointer(indices))
        return indices

    # --- Help --------------------------------------------------------------------------------------------------------

    def _whole(self, path):
        """Loading a library that was cut short can end the process: the manifest says how long it is."""
        expected = self.manifest["files"][self.name + ".so"]["bytes"]
        if os.path.getsize(path) != expected:
            raise RuntimeError(f"{path} has {os.path.getsize(path)} bytes, not the {expected} of the manifest: it was "
                               "cut short, or is of another compile; take both from one")
        return path

    def _function(self, name):
        return getattr(self.library, f"{self.name}_{name}")

    def _call(self, name, *arguments):
        if self._function(name)(*arguments) != 0:
            of_model = name not in ("create_checked", "create_from_manifest_checked", "order")
            raise RuntimeError(self._function("error")(self.model if of_model else None).decode())

    def _entry(self, entry):
        if entry not in self.entries:
            raise ValueError(f"{self.name} has no entry {entry}; it has {', '.join(self.entries)}")
        return self.entries[entry]

    @staticmethod
    def _shape(port, batch):
        return [batch if dim == "B" else dim for dim in port["shape"]]

    def _array(self, port, batch, values):
        array = np.ascontiguousarray(values)
        if array.dtype != DTYPES[port["dtype"]]:
            raise ValueError(f"{port['name']} is {port['dtype']}, got {array.dtype}")
        return array.reshape(self._shape(port, batch))


def _pointer(array):
    return array.ctypes.data_as(ctypes.c_void_p)


def _buffers(arrays):
    pointers = (ctypes.c_void_p * len(arrays))(*[array.ctypes.data for array in arrays])
    sizes = (ctypes.c_size_t * len(arrays))(*[array.nbytes for array in arrays])
    return pointers, sizes
