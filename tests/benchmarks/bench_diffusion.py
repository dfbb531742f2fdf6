"""Diffusion: cost of a training step and of sampling, and what fewer steps lose.

Three tables, for MIT-BIH beats (or, without ``--data``, simulated ones):

- time of a training step, ours and that of a plain float32 loop of the same network,
  in each precision; on CUDA with ``torch.compile``, too;
- samples per second, calls of the network and Fréchet distance to other real beats, for
  each sampler and number of steps, beside 200-step ancestral sampling;
- with ``--ptbxl DIR``, time and memory to train and sample 12 leads of 1,000 samples,
  and how far the limb leads are from their identities.

    python tests/benchmarks/bench_diffusion.py --data path/to/data
    python tests/benchmarks/bench_diffusion.py --device cuda

Run it on an idle machine.
"""

import argparse
import os
import resource
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from sksynth import DiffWave, TimeDiffusion
from sksynth.datasets import load_mitbih, load_ptbxl, make_ecg
from sksynth.generators import make_published
from sksynth.metrics import frechet_distance, limb_lead_error
from sksynth.training.device import uses_bf16
from sksynth.training.net import LossNet

DATA = Path(__file__).parents[3] / "shared" / "data"
RECORDS = "101 106 109 116 119 201 203 207 208 209 215 223".split()
STEPS = [("ancestral", 200)] + [
    (sampler, n)
    for sampler, counts in {
        "dpm-solver": (5, 9, 12, 18, 36),
        "ddim": (9, 18, 36),
        "heun": (5, 9, 18),
        "ancestral": (18, 50),
    }.items()
    for n in counts
]


def beats(args, n):
    """Training beats, their labels, and as many other real ones with theirs."""
    folder = Path(args.data or os.environ.get("SKSYNTH_DATA", DATA)) / "mitdb"
    if folder.is_dir():
        data = load_mitbih(folder, RECORDS, fs=180, n_times=128)
        X, y = data.data, data.target
    else:
        X, y = make_ecg(4 * n, n_leads=2, random_state=0)
    order = np.random.RandomState(0).permutation(len(X))
    first, second = order[:n], order[n : 2 * n]
    return X[first], y[first], X[second], y[second]


def plain_loop(network, tensors, n_steps, batch_size, device):
    """What one would write by hand, in float32."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    network.train()
    for _ in range(n_steps):
        rows = torch.randint(len(tensors["x"]), (batch_size,)).to(device)
        optimizer.zero_grad()
        network(**{k: v[rows] for k, v in tensors.items()})["loss"].backward()
        optimizer.step()


def our_loop(network, tensors, n_steps, batch_size, device, precision, compiled):
    n_rows = n_steps * batch_size
    some = {k: v[torch.arange(n_rows) % len(v)] for k, v in tensors.items()}
    LossNet(
        network,
        max_epochs=1,
        batch_size=batch_size,
        lr=1e-3,
        device=device,
        precision=precision,
        compile_module=compiled,
    ).fit(some)


def seconds(function, *arguments):
    start = time.perf_counter()
    function(*arguments)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start


def training_table(args, X, y):
    n, n_steps = 64, args.steps
    tensors = {
        "x": torch.tensor((X - X.mean()) / X.std(), dtype=torch.float32),
        "condition": torch.tensor(y[:, None] == np.unique(y), dtype=torch.float32),
    }
    tensors = {k: v.to(args.device) for k, v in tensors.items()}
    kinds = [("float32", False), ("bf16", False)]
    if args.device == "cuda":
        kinds.append(("bf16", True))
    print(f"{'training step':>28} {'precision':>16} {'ms':>8} {'speed-up':>9}")
    for generator in GENERATORS:
        shape, n_conditions = tensors["x"].shape[1:], tensors["condition"].shape[1]

        def network(generator=generator, shape=shape, n_conditions=n_conditions):
            torch.manual_seed(0)
            return generator._make_network(tuple(shape), n_conditions).to(args.device)

        common = (tensors, n_steps, n, args.device)
        for loop in (plain_loop, our_loop):  # warm up
            extra = ("float32", False) if loop is our_loop else ()
            seconds(loop, network(), tensors, 2, n, args.device, *extra)
        plain, times = [], {kind: [] for kind in kinds}
        for _ in range(args.repeats):
            plain.append(seconds(plain_loop, network(), *common))
            for kind in kinds:
                if kind[1]:
                    seconds(our_loop, network(), *common, *kind)  # compiles
                times[kind].append(seconds(our_loop, network(), *common, *kind))
        name = type(generator).__name__
        base = statistics.median(plain)
        print(f"{name:>28} {'plain float32':>16} {base / n_steps * 1e3:8.1f}")
        for (precision, compiled), found in times.items():
            kind = f"{precision}{', compiled' if compiled else ''}"
            ours = statistics.median(found)
            print(
                f"{name:>28} {kind:>16} {ours / n_steps * 1e3:8.1f} {base / ours:8.2f}x"
            )


def sampling_table(args, X, y, X_other, y_other):
    labels = np.unique(y)
    wanted = np.repeat(labels, args.samples // len(labels))
    print(
        f"\n{len(wanted)} samples; Frechet distance to other real beats, mean of the "
        "classes, two draws"
    )
    print(
        f"{'':>14} {'sampler':>11} {'steps':>6} {'signals/s':>10} {'faster':>8} "
        f"{'Frechet':>9} {'against 200':>12}"
    )
    for generator in GENERATORS:
        generator.set_params(
            max_epochs=args.epochs, device=args.device, random_state=0
        ).fit(X, y)
        slowest = None
        for sampler, n_steps in STEPS:
            generator.set_params(sampler=sampler, n_steps=n_steps)
            start, distances = time.perf_counter(), []
            draws = [
                generator.sample(len(wanted), y=wanted, random_state=seed)
                for seed in (0, 1)
            ]
            rate = 2 * len(wanted) / (time.perf_counter() - start)
            for drawn in draws:
                distances.append(
                    np.mean(
                        [
                            frechet_distance(
                                X_other[y_other == label][: (wanted == label).sum()],
                                drawn[wanted == label],
                            )
                            for label in labels
                        ]
                    )
                )
            distance = np.mean(distances)
            slowest = slowest or (rate, distance)
            print(
                f"{type(generator).__name__:>14} {sampler:>11} {n_steps:6d} "
                f"{rate:10.1f} {rate / slowest[0]:7.1f}x {distance:9.3f} "
                f"{distance / slowest[1] - 1:+11.0%}",
                flush=True,
            )


def ptbxl_table(args):
    data = load_ptbxl(args.ptbxl, target="multilabel")  # all records
    X = data.data
    print(f"\n12 leads: {X.shape}, {args.ptbxl_epochs} epochs")
    for generator in GENERATORS:
        generator.set_params(
            lead_names=data.lead_names,
            max_epochs=args.ptbxl_epochs,
            batch_size=16,
            device=args.device,
            sampler="dpm-solver",
            n_steps=18,
        )
        fitting = seconds(generator.fit, X)
        start = time.perf_counter()
        drawn = generator.sample(32, random_state=0)
        sampling = time.perf_counter() - start
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.safetensors"
            generator.save(path)
            again = type(generator).load(path).sample(2, random_state=0)
            size = path.stat().st_size / 2**20
        error = max(limb_lead_error(drawn, data.lead_names).values())
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
        print(
            f"{type(generator).__name__:>14}: fit {fitting:.0f} s, loss "
            f"{generator.history_['train_loss'][-1]:.3f}; 32 samples {sampling:.1f} s; "
            f"file {size:.1f} MiB; limb leads off by {error:.1e} mV; saved and loaded "
            f"equal {np.allclose(again, drawn[:2], atol=1e-4)}; peak so far "
            f"{peak:.0f} MiB",
            flush=True,
        )
    for name in ("DiffWave", "SSSD-ECG", "Time-Diffusion"):
        network = make_published(name)._make_network((12, 1000), 7)
        size = sum(p.numel() for p in network.network.parameters())
        print(f"published {name}: {size:,} parameters")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", help="folder that holds mitdb/")
    parser.add_argument("--ptbxl", help="folder of PTB-XL, for the third table")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--samples", type=int, default=400)
    parser.add_argument("--epochs", type=int, help="of the fits; default: theirs")
    parser.add_argument("--ptbxl-epochs", type=int, default=3)
    args = parser.parse_args()
    print(
        f"{args.device}, {torch.get_num_threads()} threads, torch {torch.__version__}; "
        "precision 'auto' is "
        f"{'bf16' if uses_bf16('auto', args.device) else 'float32'} here"
    )
    sets = beats(args, args.rows)
    training_table(args, *sets[:2])
    sampling_table(args, *sets)
    if args.ptbxl:
        ptbxl_table(args)


GENERATORS = [TimeDiffusion(), DiffWave()]

if __name__ == "__main__":
    main()
