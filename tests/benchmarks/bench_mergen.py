"""MerGen: cost of writing tokens.

``--decode``: seconds to write 420 tokens, middle and bottom ones by turns, from 70 top
tokens, with the keys and values of earlier positions kept, and without: then all that
is written goes through the decoder again for each token (the encoder runs once, and
logits are those of the last position alone, in both). They are the same tokens.

    python tests/benchmarks/bench_mergen.py --decode
    python tests/benchmarks/bench_mergen.py --decode --published --device cuda

``--stages``: weights of each stage and seconds a step of its training, seconds of
signal that ``sample`` makes in a second, and the largest memory in use.

    python tests/benchmarks/bench_mergen.py --stages --batch 2
    python tests/benchmarks/bench_mergen.py --stages --published --device cuda

Run it on an idle machine. ``--published`` is the width and depth of the large size.
"""

import argparse
import resource
import statistics
import time
from functools import partial

import torch

from sksynth import MerGen
from sksynth.datasets import make_mer
from sksynth.generators import make_published
from sksynth.nn.draws import draw_tokens, keep_nucleus
from sksynth.nn.sequence_prior import SequencePrior, TokenContext

N_CODES, N_STEPS, PATTERN = 1024, 70, (0, 1, 1, 0, 1, 1)
TOP_P = 0.9
SMALL = {"width": 128, "n_heads": 8, "encoder_layers": 2, "decoder_layers": 4}
PUBLISHED = {"width": 256, "n_heads": 8, "encoder_layers": 4, "decoder_layers": 8}


def second_prior(sizes, device):
    """The transformer of middle and bottom tokens, with logits far from equal."""
    torch.manual_seed(0)
    context = TokenContext(N_CODES, N_STEPS, len(PATTERN), sizes["width"])
    prior = SequencePrior(
        context, n_codes=N_CODES, n_steps=N_STEPS, pattern=PATTERN, **sizes
    )
    for layer in prior.to_embedding:
        torch.nn.init.normal_(layer.weight, std=0.2)
    return prior.eval().to(device)


@torch.no_grad()
def decode_without_cache(prior, context, uniform):
    tokens = torch.empty_like(uniform, dtype=torch.long)
    memory, where = prior._memory(context), prior._where()
    for t in range(prior.n_tokens):
        h = prior.decoder(prior._shown(tokens, where, 0, t + 1), memory)[:, -1]
        logits = keep_nucleus(prior._head(h, PATTERN[t % len(PATTERN)]), TOP_P)
        tokens[:, t], _ = draw_tokens(logits, uniform[:, t])
    return tokens


def seconds(function, *arguments, **options):
    start = time.perf_counter()
    result = function(*arguments, **options)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start, result


def decode_table(args):
    sizes = PUBLISHED if args.published else SMALL
    prior = second_prior(sizes, args.device)
    n_weights = sum(p.numel() for p in prior.parameters())
    context = torch.randint(N_CODES, (args.batch, N_STEPS), device=args.device)
    uniform = torch.rand(args.batch, prior.n_tokens).to(args.device)
    seconds(prior.decode, context, uniform, known=uniform.long()[:, 5:])  # warms up
    cached, plain = [], []
    for _ in range(args.repeats):
        t, tokens = seconds(prior.decode, context, uniform, top_p=TOP_P)
        cached.append(t)
        if not args.no_plain:
            t, expected = seconds(decode_without_cache, prior, context, uniform)
            plain.append(t)
            same = (tokens == expected).float().mean().item()
    print(
        f"{prior.n_tokens} tokens, batch {args.batch}, {sizes}, {n_weights:,} weights: "
        f"with cache {statistics.median(cached):.2f} s"
    )
    if plain:
        ratio = statistics.median(p / c for p, c in zip(plain, cached, strict=True))
        print(
            f"without {statistics.median(plain):.2f} s, {ratio:.1f} times as long; "
            f"{same:.2%} of the tokens are the same"
        )


def stages_table(args):
    parameters = {
        **{"max_epochs": 1, "prior_epochs": 1, "vocoder_epochs": 1, "random_state": 0},
        **{"batch_size": args.batch, "device": args.device},
    }
    make = make_published if args.published else lambda _, **given: MerGen(**given)
    generator = make("MerGen", **parameters)
    mer = make_mer(args.batch, random_state=0)
    generator.fit(mer.data, mer.target, context=mer.distance)
    x = torch.from_numpy(mer.data / mer.data.std()).to(args.device)
    for stage, arguments in stage_inputs(generator, x).items():
        network = generator.network_[stage]
        weights = sum(p.numel() for p in network.parameters())
        step = step_of(network.requires_grad_(True).train(), arguments)
        seconds(step)  # warms up
        each = [seconds(step)[0] for _ in range(args.repeats)]
        network.requires_grad_(False).eval()
        print(f"{stage}: {weights:,} weights, {statistics.median(each):.3f} s a step")
    sample = partial(generator.sample, args.batch, random_state=0)
    sample()
    t = statistics.median(seconds(sample)[0] for _ in range(args.repeats))
    signal = args.batch * mer.data.shape[2] / mer.fs
    print(f"{signal:.1f} s of signal in {t:.2f} s: {signal / t:.2f} times real time")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    on_gpu = torch.cuda.max_memory_allocated() / 2**30 if args.device != "cpu" else 0
    print(f"largest memory: {peak:.1f} GiB, of the GPU {on_gpu:.1f} GiB")


def stage_inputs(generator, x):
    """Arguments of the forward of each stage, for a batch."""
    network = generator.network_
    with torch.no_grad():
        mel = network["vqvae"].front(x)
        top, middle, bottom = network["vqvae"].encode(mel)
        low = network["bottom"].interleave(middle, bottom)
    features = torch.from_numpy(generator.lenders_.training_matrix()).to(x)
    return {
        "vqvae": (mel, features),
        "top": (top, features),
        "bottom": (low, top),
        "vocoder": (x, None, features),
    }


def step_of(network, arguments):
    optimizer = torch.optim.AdamW(network.parameters(), fused=True)

    def step():
        optimizer.zero_grad()
        loss = network(*arguments)["loss"]
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--decode", action="store_true")
    parser.add_argument("--stages", action="store_true")
    parser.add_argument("--published", action="store_true", help="the large size")
    parser.add_argument("--no-plain", action="store_true", help="with cache alone")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    print(
        f"{args.device}, {torch.get_num_threads()} threads, torch {torch.__version__}"
    )
    if args.decode:
        decode_table(args)
    if args.stages:
        stages_table(args)


if __name__ == "__main__":
    main()
