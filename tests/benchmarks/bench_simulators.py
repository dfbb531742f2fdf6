"""Time that the simulators of tissue and spectra take.

    python tests/benchmarks/bench_simulators.py
    python tests/benchmarks/bench_simulators.py --n-samples 20

The limit is for 100 simulations on 2 cores; an idle machine is assumed, and its load
is printed.
"""

import argparse
import os
import time

from sksynth.datasets import make_egm, make_mrs


def electrograms(n_samples):
    return make_egm(
        n_samples, n_electrodes=512, n_leads=64, n_times=400, fs=100, random_state=0
    ).data


def transients(n_samples):
    return make_mrs(n_samples, 40, n_points=2048, random_state=0).data


# name: (function of n_samples, limit in s for 100 simulations or None)
SIMULATORS = {
    "make_egm, 2,048 nodes": (electrograms, 120.0),
    "make_mrs, 40 transients": (transients, None),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n-samples", type=int, default=100)
    n_samples = parser.parse_args().n_samples
    for name, (simulate, limit) in SIMULATORS.items():
        start, cpu = time.perf_counter(), time.process_time()
        shape = simulate(n_samples).shape
        wall, cpu = time.perf_counter() - start, time.process_time() - cpu
        limit = "" if limit is None else f"; limit for 100: {limit:.0f} s"
        print(
            f"{name}: {shape} in {wall:.1f} s ({cpu:.1f} s of processor time), load "
            f"{os.getloadavg()[0]:.1f}" + limit
        )


if __name__ == "__main__":
    main()
