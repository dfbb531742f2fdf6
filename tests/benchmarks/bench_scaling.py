"""Data sets larger than memory: time and peak memory of the whole process.

    python tests/benchmarks/bench_scaling.py --iter-samples
    python tests/benchmarks/bench_scaling.py --memmap

draw a million beats into a memory map, and fit to a memory map of 4 GiB (and, at 1 GiB,
to the same numbers in memory). Each measurement has a fresh process; its peak is the
largest resident memory, imports and touched pages of maps included.
"""

import argparse
import math
import resource
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap

N_TIMES = 187  # of a beat
ECG = 12, 1000  # leads and times


def beats(n_samples):
    from sksynth.datasets import make_ecg

    X, y = make_ecg(n_samples, n_times=N_TIMES, random_state=0)
    return X[:, 0].astype(np.float32), y


def small_vae(**parameters):
    from sksynth import VAE

    return VAE(precision="float32", random_state=0, **parameters)


def draw(path, n_rows, block_size, anchored):
    """Seconds of drawing rows into a memory map."""
    X, y = beats(2000)
    vae = small_vae(max_epochs=2).fit(X, y)
    near = {"y": "N", "anchors": X[y == "N"], "strength": 0.5} if anchored else {}
    open_memmap(path, mode="w+", dtype=X.dtype, shape=(n_rows, N_TIMES))
    started = time.perf_counter()
    row = 0
    blocks = vae.iter_samples(n_rows, **near, random_state=0, block_size=block_size)
    for block in blocks:
        np.load(path, mmap_mode="r+")[row : row + len(block)] = block
        row += len(block)
    return time.perf_counter() - started


def fit(path, in_memory, batch_size):
    """Seconds of a fit of one epoch, after a small one (imports, caches)."""
    X = np.load(path, mmap_mode="r")
    sizes = {"latent_dim": 8, "hidden_dim": 32, "n_layers": 1, "rows": "signals"}
    vae = small_vae(**sizes, max_epochs=1, batch_size=batch_size)
    vae.fit(np.array(X[:200]))
    if in_memory:
        X = np.array(X)
    started = time.perf_counter()
    vae.fit(X)
    return time.perf_counter() - started


def measured(function, *args):
    """Seconds, and peak memory in GB, of the function in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_measured, function, *args).result()


def _measured(function, *args):
    seconds = function(*args)
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def write_tiled(path, shape):
    """Map of random walks (n_rows, n_channels, n_times), the same 512 over and over."""
    rng = np.random.default_rng(0)
    tile = rng.normal(size=(512, *shape[1:])).astype(np.float32).cumsum(axis=2)
    header = np.lib.format.header_data_from_array_1_0(tile)
    with open(path, "wb") as file:
        np.lib.format.write_array_header_1_0(file, {**header, "shape": shape})
        for start in range(0, shape[0], len(tile)):
            tile[: shape[0] - start].tofile(file)


def report(name, shape, seconds, peak):
    print(
        f"{name}: {shape[0]} rows, {4 * math.prod(shape) / 2**30:.2f} GiB, "
        f"{seconds:.1f} s, {shape[0] / seconds:.0f} rows/s, peak {peak:.2f} GiB",
        flush=True,
    )


def compare_fits(path, shape, batch_size, *, in_memory=True):
    write_tiled(path, shape)
    name = f"VAE, rows of {shape[1:]}, batch_size={batch_size}"
    found = measured(fit, path, False, batch_size)
    report(f"{name}, memory map", shape, *found)
    if in_memory:
        plain = measured(fit, path, True, batch_size)
        report(f"{name}, in memory", shape, *plain)
        print(f"time of the map: {found[0] / plain[0]:.2f} of memory's", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--iter-samples", action="store_true")
    parser.add_argument("--memmap", action="store_true")
    parser.add_argument("--rows", type=int, default=1_000_000, help="to draw")
    parser.add_argument("--gib", type=float, default=4.0, help="size of the map to fit")
    parser.add_argument("--folder", help="for the maps; a temporary one by default")
    args = parser.parse_args()

    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        path = Path(folder) / "X.npy"
        if args.iter_samples:
            for block_size, anchored in ((None, False), (8192, False), (8192, True)):
                found = measured(draw, path, args.rows, block_size, anchored)
                name = "anchored" if anchored else "pure"
                report(
                    f"VAE, {name}, block_size={block_size}",
                    (args.rows, N_TIMES),
                    *found,
                )
        if args.memmap:
            largest = int(args.gib * 2**28 / math.prod(ECG)), *ECG
            a_quarter = largest[0] // 4, *ECG
            some_beats = int(args.gib * 2**24 / N_TIMES), 1, N_TIMES
            compare_fits(path, largest, 128, in_memory=False)
            compare_fits(path, largest, 1024, in_memory=False)
            compare_fits(path, a_quarter, 128)
            compare_fits(path, a_quarter, 1024)
            compare_fits(path, some_beats, 128)


if __name__ == "__main__":
    main()
