"""Memory of sampling, and the cost of imports.

    python tests/benchmarks/bench_memory.py

prints the peak memory of sampling 200,000 beats over the memory of the beats, and the
time of ``import sksynth`` over that of ``import torch`` (each in fresh processes).
"""

import argparse
import statistics
import subprocess
import sys
import threading
import time

import numpy as np
import psutil

IMPORT = """
import time
start = time.perf_counter()
import {module}
print(time.perf_counter() - start)
"""


def seconds_to_import(module, repeats=7):
    code = IMPORT.format(module=module)
    times = [
        float(subprocess.check_output([sys.executable, "-c", code]))
        for _ in range(repeats)
    ]
    return statistics.median(times)


class PeakMemory:
    """Largest resident memory inside the block, in bytes above that at its start."""

    def __enter__(self):
        self.process, self.done = psutil.Process(), threading.Event()
        self.start = self.largest = self.process.memory_info().rss
        self.thread = threading.Thread(target=self._watch)
        self.thread.start()
        return self

    def _watch(self):
        while not self.done.wait(0.002):
            self.largest = max(self.largest, self.process.memory_info().rss)

    def __exit__(self, *exception):
        self.largest = max(self.largest, self.process.memory_info().rss)
        self.done.set()
        self.thread.join()

    @property
    def peak(self):
        return self.largest - self.start


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--beats", type=int, default=200_000)
    args = parser.parse_args()

    torch, ours = seconds_to_import("torch"), seconds_to_import("sksynth")
    print(
        f"import torch {torch:.3f} s, import sksynth {ours:.4f} s: {ours / torch:.2%}"
    )

    from sksynth import VAE
    from sksynth.datasets import make_ecg

    X, y = make_ecg(2000, weights=[0.8, 0.1, 0.08, 0.02], random_state=0)
    vae = VAE(max_epochs=2, random_state=0).fit(X, y)
    labels = np.repeat(vae.classes_, args.beats // 4)
    draws = {
        "pure": {"y": None},
        "one label a row": {"y": labels},
        "anchored": {"y": labels, "anchors": X, "anchors_y": y, "strength": 0.5},
    }
    for name, options in draws.items():
        vae.sample(1000 if options["y"] is None else 1, random_state=0)  # warm up
        with PeakMemory() as memory:
            start = time.perf_counter()
            X_new = vae.sample(args.beats, **options, random_state=0)
            elapsed = time.perf_counter() - start
        print(
            f"{name}: {len(X_new)} beats of {X_new.shape[1:]} {X_new.dtype}, "
            f"{X_new.nbytes / 2**20:.0f} MiB; peak {memory.peak / 2**20:.0f} MiB, "
            f"{memory.peak / X_new.nbytes:.2f} times the output; {elapsed:.1f} s"
        )
        del X_new


if __name__ == "__main__":
    main()
