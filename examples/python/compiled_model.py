"""A compiled model in Python: calls the shared library from `weft compile` through ctypes with numpy arrays.

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
    """One model, for one thread at a time. Raises the library's errors as RuntimeError with its text."""

    def __init__(self, manifest, weights=None):
        """manifest: NAME.json, with NAME.so beside it. weights: a safetensors file; None takes the manifest's or the
        embedded weights, else initialises them with seed 1."""
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
        """The outputs of an entry, in order, as arrays; a single array if there is one output."""
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
        """Runs an entry of one input on any number of rows, in the largest compiled batches that fit. Unless the sizes
        add up to the number of rows, a batch of 1 must be compiled too."""
        batches = sorted(self._entry(entry)["batches"], reverse=True)
        parts, begin = [], 0
        while begin < len(rows):
            fitting = [batch for batch in batches if batch <= len(rows) - begin]
            if not fitting:
                raise ValueError(f"{entry}: {len(rows) - begin} rows remain, fewer than any batch of {batches}")
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
        """The order in which `weft train --seed` visits `count` samples in an epoch, counted from 1."""
        indices = np.empty(count, np.int32)
        self._call("order", ctypes.c_uint64(seed), ctypes.c_uint64(epoch), ctypes.c_int64(count), _pointer(indices))
        return indices

    # --- Helpers -----------------------------------------------------------------------------------------------------

    def _whole(self, path):
        """Checks the size in the manifest, because loading a truncated library can crash the process."""
        expected = self.manifest["files"][self.name + ".so"]["bytes"]
        if os.path.getsize(path) != expected:
            raise RuntimeError(f"{path} has {os.path.getsize(path)} bytes, not {expected} as in the manifest: it is "
                               "truncated, or from another compile; take both from one")
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
