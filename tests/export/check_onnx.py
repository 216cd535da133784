#!/usr/bin/env python3
"""Runs exported ONNX files in onnxruntime and holds their results against Weft's.

    check_onnx.py FOLDER [CASES]    the program CASES (test_onnx_cases) fills FOLDER first

Needs onnxruntime and numpy, and says so and succeeds where they are missing; checks files by onnx.checker too where onnx
is installed. Prints one line for each file that differs, the largest difference of all, and 'N passed, N failed'.
"""
import json
import pathlib
import subprocess
import sys

try:
    import onnxruntime
    import numpy as np
except ImportError as error:
    print(f"skipped: {error.name} is not installed")
    sys.exit(0)
try:
    import onnx
except ImportError:
    onnx = None

# Of the largest value of an output: single precision, summed in another order.
BOUND = 2e-5
DTYPES = {"F32": np.float32, "I32": np.int32, "U8": np.uint8, "BOOL": np.bool_}


def read_safetensors(path):
    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    tensors = {}
    for name, entry in json.loads(data[8:start]).items():
        if name != "__metadata__":
            first, last = (start + offset for offset in entry["data_offsets"])
            tensors[name] = np.frombuffer(data[first:last], DTYPES[entry["dtype"]]).reshape(entry["shape"])
    return tensors


def difference(given, wanted):
    """The largest difference as a share of the largest value; infinity where they are not alike."""
    if given.shape != wanted.shape or given.dtype != wanted.dtype:
        return np.inf
    if not np.isfinite(wanted.astype(np.float64)).all():
        return np.inf
    wide = given.astype(np.float64), wanted.astype(np.float64)
    return np.abs(wide[0] - wide[1]).max() / max(np.abs(wide[1]).max(), 1e-30)


def check(session, case):
    """The largest difference of any output of one run, and which it is."""
    tensors = read_safetensors(case)
    inputs = {port.name: tensors["in." + port.name] for port in session.get_inputs()}
    names = [port.name for port in session.get_outputs()]
    worst = (0.0, "")
    for name, given in zip(names, session.run(names, inputs)):
        key = "out." + name
        wanted = tensors[key if key in tensors else key.removesuffix("_out")]
        worst = max(worst, (difference(given, wanted), name))
    return worst


def cases_of(model):
    """What Weft gave, for any batch or for the one that the file is made for."""
    stem = model.name.removesuffix(".onnx")
    if stem.endswith(".fixed"):
        return [model.with_name(stem.removesuffix(".fixed") + ".batch2.safetensors")]
    return sorted(model.parent.glob(stem + ".batch*.safetensors"))


def main():
    folder = pathlib.Path(sys.argv[1])
    if len(sys.argv) > 2:
        subprocess.run([sys.argv[2], folder], check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 2  # warnings
    passed = failed = 0
    largest = (0.0, "")
    for model in sorted(folder.glob("*.onnx")):
        try:
            if onnx:
                onnx.checker.check_model(str(model), full_check=True)
            session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
            cases = cases_of(model)
            assert cases, "no case for " + model.name
            worst = max(check(session, case) for case in cases)
        except Exception as error:  # of onnx, onnxruntime or a case that does not fit: this file's, not the others'
            print(f"{model.name}: {error}")
            failed += 1
            continue
        largest = max(largest, (worst[0], f"{model.name} {worst[1]}"))
        if worst[0] > BOUND:
            print(f"{model.name}: output {worst[1]} differs by {worst[0]:.2g} of its largest value")
            failed += 1
        else:
            passed += 1
    print(f"onnxruntime {onnxruntime.__version__}, onnx.checker {'on' if onnx else 'off'}")
    print(f"largest difference: {largest[0]:.2g} of the largest value, {largest[1]}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
