"""MerGen: cost of writing tokens.

``--decode``: seconds to write 420 tokens, middle and bottom ones by turns, from 70 top
tokens, with the keys and values of earlier positions kept, and without: then all that
is written goes through the decoder again for each token (the encoder runs once, and
logits are those of the last position alone, in both). They are the same tokens.

    python tests/benchmarks/bench_mergen.py --decode
    python tests/benchmarks/bench_mergen.py --decode --published --device cuda

Run it on an idle machine. ``--published`` is the width and depth of the large size.
"""

import argparse
import statistics
import time

import torch

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
    if result.is_cuda:
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


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--decode", action="store_true")
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


if __name__ == "__main__":
    main()
