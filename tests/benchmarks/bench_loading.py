"""Time to read the records of PTB-XL, against a plain loop over ``wfdb.rdrecord``.

    python tests/benchmarks/bench_loading.py

prints the median time of each over several runs, in turn, and whether the signals are
equal bit for bit. The folder is ``ptb-xl`` in ``SKSYNTH_DATA``; the loader also reads
the tables and compares checksums, which the loop does not. Then the same for the
folder ``chapman``, without resampling.
"""

import argparse
import os
import statistics
import time
import warnings
from pathlib import Path

import numpy as np

from sksynth.datasets import load_chapman, load_ptbxl

DATA = os.environ.get(
    "SKSYNTH_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"
)


def plain_loop(stems):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # wfdb's use of pandas
        import wfdb

        signals = [wfdb.rdrecord(str(stem)).p_signal.T for stem in stems]
    return np.array(signals, dtype=np.float32)


def compare(title, stems, load, repeats):
    ways = {
        "wfdb.rdrecord loop": lambda: plain_loop(stems),
        "n_jobs=1": lambda: load(n_jobs=1).data,
        "n_jobs=2": lambda: load(n_jobs=2).data,
    }
    expected = plain_loop(stems)  # warms the file cache up
    seconds, equal = {way: [] for way in ways}, dict.fromkeys(ways, True)
    for _ in range(repeats):
        for way, read in ways.items():
            start = time.perf_counter()
            data = read()
            seconds[way].append(time.perf_counter() - start)
            equal[way] &= data.tobytes() == expected.tobytes()
    plain = statistics.median(seconds["wfdb.rdrecord loop"])
    print(f"{title}: {len(stems)} records, {expected.shape[1:]}, median of {repeats}")
    for way, times in seconds.items():
        median = statistics.median(times)
        print(
            f"  {way:20} {median:.4f} s, {plain / median:5.1f} times as fast, "
            f"bytes equal: {equal[way]}"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=Path(DATA))
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()

    ptbxl, chapman = args.data / "ptb-xl", args.data / "chapman"
    table = load_ptbxl(ptbxl, target="multilabel").frame
    stems = [ptbxl / name for name in table["filename_lr"]]

    def load_all(**options):
        return load_ptbxl(ptbxl, target="multilabel", **options)

    compare("PTB-XL", stems, load_all, args.repeats)

    def load_native(**options):
        return load_chapman(chapman, target="codes", fs=500, **options)

    stems = sorted(file.with_suffix("") for file in chapman.rglob("*.hea"))
    compare("Chapman", stems, load_native, args.repeats)


if __name__ == "__main__":
    main()
