"""Data sets larger than memory: time and peak memory of the whole process.

    python tests/benchmarks/bench_scaling.py --iter-samples
    python tests/benchmarks/bench_scaling.py --memmap

draw a million beats into a memory map, and fit to a memory map of 4 GiB (and, at 1 GiB,
to the same numbers in memory). Each measurement has a fresh process; its peak is the
largest resident memory, imports and touched pages of maps included.
"""

import argparse
import resource
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap

N_TIMES = 187


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


def fit(path, kind, in_memory, n_epochs, batch_size):
    """Seconds of a fit, the epoch of a first small fit (imports, caches) left out."""
    from sksynth import DiffWave

    X = np.load(path, mmap_mode="r")
    generator = small_vae(max_epochs=n_epochs, batch_size=batch_size, rows="signals")
    if kind == "DiffWave":
        generator = DiffWave(
            **{"n_layers": 1, "width": 4, "patch_size": 11, "precision": "float32"},
            **{"max_epochs": n_epochs, "batch_size": batch_size, "random_state": 0},
        )
    generator.fit(np.array(X[:1000]))
    if in_memory:
        X = np.array(X)
    started = time.perf_counter()
    generator.fit(X)
    return time.perf_counter() - started


def measured(function, *args):
    """Seconds, and peak memory in GB, of the function in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_measured, function, *args).result()


def _measured(function, *args):
    seconds = function(*args)
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def write_tiled(path, n_rows):
    """Map of n_rows random walks: the same 4096 over and over."""
    rng = np.random.default_rng(0)
    tile = rng.normal(size=(4096, N_TIMES)).astype(np.float32).cumsum(axis=1)
    header = np.lib.format.header_data_from_array_1_0(tile)
    with open(path, "wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {**header, "shape": (n_rows, N_TIMES)}
        )
        for start in range(0, n_rows, len(tile)):
            tile[: n_rows - start].tofile(file)


def report(name, n_rows, seconds, peak, n_passes=1):
    size = n_rows * N_TIMES * 4 / 2**30
    print(
        f"{name}: {n_rows} rows, {size:.2f} GiB, {seconds:.1f} s, "
        f"{n_rows * n_passes / seconds:.0f} rows/s, peak {peak:.2f} GiB"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--iter-samples", action="store_true")
    parser.add_argument("--memmap", action="store_true")
    parser.add_argument("--rows", type=int, default=1_000_000, help="to draw")
    parser.add_argument("--gib", type=float, default=4.0, help="size of the map to fit")
    parser.add_argument("--batch-size", type=int, default=4096, help="of the large fit")
    parser.add_argument("--folder", help="for the maps; a temporary one by default")
    args = parser.parse_args()

    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        path = Path(folder) / "X.npy"
        if args.iter_samples:
            for block_size, anchored in ((None, False), (8192, False), (8192, True)):
                found = measured(draw, path, args.rows, block_size, anchored)
                name = "anchored" if anchored else "pure"
                report(f"VAE, {name}, block_size={block_size}", args.rows, *found)
        if args.memmap:
            n_rows = int(args.gib * 2**30 / N_TIMES / 4)
            write_tiled(path, n_rows)
            for kind in ("VAE", "DiffWave"):
                found = measured(fit, path, kind, False, 1, args.batch_size)
                report(f"{kind}, memory map", n_rows, *found)
            n_rows = n_rows // 4
            write_tiled(path, n_rows)
            for batch_size in (128, args.batch_size):
                seconds = {}
                for name in ("in memory", "memory map"):
                    in_memory = name == "in memory"
                    found = measured(fit, path, "VAE", in_memory, 1, batch_size)
                    report(f"VAE, {name}, batch_size={batch_size}", n_rows, *found)
                    seconds[name] = found[0]
                ratio = seconds["memory map"] / seconds["in memory"]
                print(f"memory map over memory: {ratio:.2f} times the time")


if __name__ == "__main__":
    main()
