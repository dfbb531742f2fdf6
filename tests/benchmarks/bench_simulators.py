"""Time that the simulators of tissue and spectra take.

    python tests/benchmarks/bench_simulators.py
    python tests/benchmarks/bench_simulators.py --n-samples 20

The limit is for 100 simulations on 2 cores; an idle machine is assumed.
"""

import argparse
import time

from sksynth.datasets import make_egm


def electrograms(n_samples):
    return make_egm(
        n_samples, n_electrodes=512, n_leads=64, n_times=400, fs=100, random_state=0
    ).data


# name: (function of n_samples, limit in s for 100 simulations)
SIMULATORS = {"make_egm, 2,048 nodes": (electrograms, 120.0)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n-samples", type=int, default=100)
    n_samples = parser.parse_args().n_samples
    for name, (simulate, limit) in SIMULATORS.items():
        start, cpu = time.perf_counter(), time.process_time()
        shape = simulate(n_samples).shape
        wall, cpu = time.perf_counter() - start, time.process_time() - cpu
        print(
            f"{name}: {shape} in {wall:.1f} s ({cpu:.1f} s of processor time); "
            f"limit for 100: {limit:.0f} s"
        )


if __name__ == "__main__":
    main()
