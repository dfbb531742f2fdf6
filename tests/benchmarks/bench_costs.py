"""What each generator costs with its defaults, on one thread.

    python tests/benchmarks/bench_costs.py

prints the processor time of a default fit to 4,000 simulated beats of 2 x 128, which is
that of some epochs times the number of epochs (of each stage), and that of drawing
1,000 beats, pure and anchored. Training is in the precision of "auto", which is
printed. Processor time of one thread depends little on what else the machine does.
MerGen has a benchmark of its own.
"""

import argparse
import time
from functools import partial

import torch

from sksynth import VAE, ConvVAE, DiffWave, TimeDiffusion, TimeVQVAE
from sksynth.datasets import make_ecg
from sksynth.training.device import uses_bf16

WEIGHTS = [0.8, 0.1, 0.08, 0.02]


def cost(work):
    """Seconds of processor time of a call."""
    start = time.process_time()
    work()
    return time.process_time() - start


def cost_of_fit(kind, X, y, *, stages):
    """Seconds of a default fit, from those of some epochs more of each stage."""
    few = dict.fromkeys(stages, 1)
    total = base = cost(partial(kind(**few, random_state=0).fit, X, y))
    for stage, n_epochs in stages.items():
        more = max(1, n_epochs // 20)
        longer = kind(**{**few, stage: 1 + more}, random_state=0)
        extra = cost(partial(longer.fit, X, y)) - base
        total += extra / more * (n_epochs - 1)
    return total


def epochs_of(n_updates, n_rows, batch_size):
    """Epochs that make so many updates, as in the generators."""
    return -(-n_updates // -(-n_rows // batch_size))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--drawn", type=int, default=1000)
    args = parser.parse_args()
    torch.set_num_threads(1)
    X, y = make_ecg(args.rows, weights=WEIGHTS, random_state=0)
    stages = {
        VAE: {"max_epochs": VAE().max_epochs},
        ConvVAE: {"max_epochs": ConvVAE().max_epochs},
        TimeDiffusion: {"max_epochs": epochs_of(1500, args.rows, 64)},
        DiffWave: {"max_epochs": epochs_of(1500, args.rows, 64)},
        TimeVQVAE: {
            "max_epochs": epochs_of(1500, args.rows, TimeVQVAE().batch_size),
            "prior_epochs": epochs_of(3000, args.rows, TimeVQVAE().batch_size),
        },
    }
    VAE(max_epochs=1).fit(X, y).sample(10)  # the first call of everything is slow
    precision = "bf16" if uses_bf16("auto", "cpu") else "float32"
    print(
        f"{args.rows} rows of {X.shape[1:]}, {precision}; {args.drawn} drawn; seconds"
    )
    print("generator,default fit,pure,strength 0.5")
    for kind, of_kind in stages.items():
        fitted = kind(**dict.fromkeys(of_kind, 1), random_state=0).fit(X, y)
        sample = partial(fitted.sample, args.drawn, y="V", random_state=0)
        pure = cost(sample)
        anchored = cost(partial(sample, anchors=X[y == "V"], strength=0.5))
        fit = cost_of_fit(kind, X, y, stages=of_kind)
        print(f"{kind.__name__},{fit:.0f},{pure:.2f},{anchored:.2f}", flush=True)


if __name__ == "__main__":
    main()
