"""Our training loop beside a bare PyTorch loop of the same module.

Prints the time of both, their ratio, and the speed-up of bf16 over float32. Run it on
an idle machine::

    python tests/benchmarks/bench_training.py
"""

import argparse
import statistics
import time

import torch

from sksynth.nn.vae import VAENetwork
from sksynth.training.device import uses_bf16
from sksynth.training.net import LossNet

SIGNAL_SHAPE, N_CONDITIONS = (2, 128), 4


def make_network(hidden_dim):
    torch.manual_seed(0)
    return VAENetwork(SIGNAL_SHAPE, N_CONDITIONS, hidden_dim=hidden_dim)


def train_bare(network, tensors, n_epochs, batch_size, device, bf16):
    """What one would write by hand: shuffle, gather, step, sum the loss."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, fused=True)
    network.train()
    losses = []
    for _ in range(n_epochs):
        total = 0.0
        for rows in torch.randperm(len(tensors["x"])).to(device).split(batch_size):
            batch = {name: x.index_select(0, rows) for name, x in tensors.items()}
            optimizer.zero_grad()
            with torch.autocast(device, torch.bfloat16, enabled=bf16):
                loss = network(**batch)["loss"]
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
        losses.append(total / len(tensors["x"]))
    return losses


def train_ours(network, tensors, n_epochs, batch_size, device, bf16):
    net = LossNet(
        network,
        max_epochs=n_epochs,
        batch_size=batch_size,
        lr=1e-3,
        device=device,
        precision="bf16" if bf16 else "float32",
    )
    return net.fit(tensors).history[:, "train_loss"]


def seconds(train, hidden_dim, tensors, n_epochs, args, bf16):
    network = make_network(hidden_dim).to(args.device)
    if args.device == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    train(network, tensors, n_epochs, args.batch_size, args.device, bf16)
    if args.device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    torch.manual_seed(0)
    tensors = {
        "x": torch.randn(args.rows, *SIGNAL_SHAPE, device=args.device),
        "condition": torch.randn(args.rows, N_CONDITIONS, device=args.device),
    }
    n_steps = args.epochs * -(-args.rows // args.batch_size)
    print(
        f"{args.rows} rows of 2 x 128, batch {args.batch_size}, {args.device}, "
        f"{torch.get_num_threads()} threads; 'auto' precision here is "
        f"{'bf16' if uses_bf16('auto', args.device) else 'float32'}"
    )
    print(
        f"{'hidden':>7} {'precision':>9} {'bare ms/step':>13} {'ours ms/step':>13} "
        f"{'ours / bare':>12}"
    )
    for hidden_dim in (64, 256, 512):
        ours_of = {}
        for bf16 in (False, True):
            for train in (train_bare, train_ours):  # warm up
                seconds(train, hidden_dim, tensors, 1, args, bf16)
            pairs = [
                [
                    seconds(train, hidden_dim, tensors, args.epochs, args, bf16)
                    for train in (train_bare, train_ours)
                ]
                for _ in range(args.repeats)
            ]
            bare, ours = (statistics.median(p[i] for p in pairs) for i in (0, 1))
            ratio = statistics.median(p[1] / p[0] for p in pairs)
            ours_of[bf16] = ours
            print(
                f"{hidden_dim:7d} {'bf16' if bf16 else 'float32':>9} "
                f"{bare / n_steps * 1e3:13.3f} {ours / n_steps * 1e3:13.3f} "
                f"{ratio:12.3f}"
            )
        print(
            f"{hidden_dim:7d} bf16 is {ours_of[False] / ours_of[True]:.2f} times as "
            "fast as float32"
        )


if __name__ == "__main__":
    main()
