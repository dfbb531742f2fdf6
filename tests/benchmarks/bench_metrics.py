"""Time and memory of every public measure, and how they grow with the number of rows.

    python tests/benchmarks/bench_metrics.py [--sizes 1000 10000] [--only NAME ...]

Signals are 12 x 1,000 float32. Each measure runs in a process of its own, after a
warm-up on a few rows; times are the best of three where one takes less than 5 s. Memory
is the peak above that of the arrays. "linear" measures visit each row a fixed number of
times; "pairs" visit all pairs of rows, in blocks, so that their time may grow with the
square and their memory may not. The growth is that of the CPU time, which depends less
on what else the machine does. It is marked with ! where a linear measure's is over 1.2
times that of the rows, or a pairwise one's over 1.2 times its square, unless the larger
time is under 0.1 s.
"""

import argparse
import json
import subprocess
import sys
import time

import numpy as np
from bench_memory import PeakMemory

N_CHANNELS, N_TIMES, N_WARM_UP = 12, 1000, 40
LEADS = ["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"]
LINEAR = {
    "autocorrelation_difference",
    "classification_accuracy_score",
    "classifier_two_sample_score",
    "frechet_distance",
    "inception_score",
    "kurtosis_difference",
    "limb_lead_error",
    "log_spectral_distance",
    "marginal_difference",
    "paired_correlation",
    "paired_rmse",
    "power_spectrum_distance",
    "proportional_labels",
    "random_convolution_features",
    "skewness_difference",
}
PAIRS = {
    "copy_fraction",
    "maximum_mean_discrepancy",
    "membership_inference_auc",
    "nearest_match",
    "nearest_neighbor_distance_ratio",
    "precision_recall_density_coverage",
}
OF_THREE_SETS = {
    "copy_fraction",
    "membership_inference_auc",
    "nearest_neighbor_distance_ratio",
}


def arguments(name, n_samples):
    """What the measure takes, of so many rows."""
    from sklearn.dummy import DummyClassifier

    rng = np.random.default_rng(0)
    shape = (n_samples, N_CHANNELS, N_TIMES)
    if name == "inception_score":
        return [rng.dirichlet(np.ones(7), size=n_samples)]
    labels = rng.integers(7, size=n_samples)
    if name == "proportional_labels":
        return [labels]
    n_sets = 3 if name in OF_THREE_SETS else 2
    sets = [rng.standard_normal(shape, dtype=np.float32) for _ in range(n_sets)]
    if name == "limb_lead_error":
        return [sets[0], LEADS]
    if name == "random_convolution_features":
        return sets[:1]
    if name == "classification_accuracy_score":  # a classifier that costs nothing
        return [DummyClassifier(), sets[0], labels, sets[1], labels]
    return sets


def shortened(argument):
    sized = isinstance(argument, np.ndarray)
    return argument[:N_WARM_UP] if sized else argument


def measure_once(name, n_samples):
    """Seconds, and bytes of the arrays and above them, of one measure in here."""
    from sksynth import metrics

    function, given = getattr(metrics, name), arguments(name, n_samples)
    function(*map(shortened, given))
    with PeakMemory() as memory:
        times = [times_of(function, given)]
    if times[0][0] < 5:
        times += [times_of(function, given) for _ in range(2)]
    seconds, cpu = map(min, zip(*times, strict=True))
    n_bytes = sum(a.nbytes for a in given if isinstance(a, np.ndarray))
    return {"seconds": seconds, "cpu": cpu, "extra": memory.peak, "given": n_bytes}


def times_of(function, given):
    """Seconds, and seconds of CPU over all threads."""
    wall, cpu = time.perf_counter(), time.process_time()
    function(*given)
    return time.perf_counter() - wall, time.process_time() - cpu


def measure_in_a_fresh_process(name, n_samples):
    command = [sys.executable, __file__, "--run", name, str(n_samples)]
    return json.loads(subprocess.check_output(command))


def print_row(name, sizes):
    runs = [measure_in_a_fresh_process(name, n) for n in sizes]
    growth, ratio = runs[-1]["cpu"] / runs[0]["cpu"], sizes[-1] / sizes[0]
    allowed = 1.2 * (ratio if name in LINEAR else ratio**2)
    is_marked = runs[-1]["cpu"] > 0.1 and growth > allowed
    cells = [f"{name:34}", "linear" if name in LINEAR else "pairs "]
    cells += [
        f"{run['seconds']:9.3f} s {run['extra'] / 2**20:7.0f} MiB" for run in runs
    ]
    cells += [f"x{growth:6.1f}{'!' if is_marked else ' '}"]
    cells += [f"{runs[-1]['extra'] / runs[-1]['given']:7.2f}"]
    print("  ".join(cells), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--only", nargs="+", choices=sorted(LINEAR | PAIRS))
    parser.add_argument("--run", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.run:
        print(json.dumps(measure_once(args.run[0], int(args.run[1]))))
        return

    from sksynth import metrics

    if unknown := set(metrics.__all__) ^ (LINEAR | PAIRS):
        parser.error(f"not one list with sksynth.metrics: {sorted(unknown)}")
    sizes = sorted(args.sizes)
    heads = [f"{f'n = {n}':>23}" for n in sizes]
    print("  ".join([f"{'measure':34}", "visits", *heads, "growth  ", "extra/arrays"]))
    for name in args.only or sorted(LINEAR | PAIRS):
        print_row(name, sizes)


if __name__ == "__main__":
    main()
