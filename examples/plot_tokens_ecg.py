"""
Tokens: heartbeats as a short row of symbols
============================================

TimeVQVAE writes each signal as a few dozen tokens, entries of two codebooks, and
learns which tokens go together. We look at what the tokens hold, at samples, and at
what becomes of a beat when some of its tokens are forgotten and filled in again.

Run as a script, it takes simulated beats, or the MIT-BIH records of a folder::

    python examples/plot_tokens_ecg.py --data path/to/mitdb --save pictures
"""

# %%
# Train
# -----
# One ``fit`` runs two trainings: of the encoders, codebooks and decoders, and of the
# transformers that fill in masked tokens. The defaults are made for some thousand beats
# and a few minutes; here is less of both.

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from sksynth import TimeVQVAE
from sksynth.datasets import load_mitbih, make_ecg
from sksynth.plotting import LossDisplay, SignalDisplay

parser = argparse.ArgumentParser()
parser.add_argument("--data", help="folder with MIT-BIH records; default: simulated")
parser.add_argument("--save", help="folder for the pictures; default: show them")
parser.add_argument("--beats", type=int, default=1000, help="number of training beats")
parser.add_argument("--epochs", type=int, default=25, help="of each of the trainings")
args = parser.parse_args()

if args.data:
    beats = load_mitbih(args.data, fs=180, n_times=128)
    chosen = np.random.default_rng(0).permutation(len(beats.data))[: args.beats]
    X, y = beats.data[chosen], beats.target[chosen]
else:
    X, y = make_ecg(
        args.beats, weights=[0.55, 0.15, 0.2, 0.1], n_subjects=20, random_state=0
    )

vqvae = TimeVQVAE(
    width=48,
    prior_width=64,
    prior_layers=2,
    max_epochs=args.epochs,
    prior_epochs=args.epochs,
    random_state=0,
).fit(X, y)
print("tokens of the low and of the high band:", vqvae.n_tokens_)
loss_display = LossDisplay.from_estimator(
    vqvae, names=["train_tokens_low", "train_tokens_high"]
)

# %%
# What tokens hold
# ----------------
# Beats, and the same after ``encode`` and ``decode``. What is lost here, no sample has.

tokens = vqvae.encode(X)
decoded = vqvae.decode(tokens)
figure, axes = plt.subplots(
    1, 4, sharex=True, sharey=True, figsize=(10, 2.6), layout="constrained"
)
for label, ax in zip(np.unique(y), axes, strict=False):
    first = np.flatnonzero(y == label)[0]
    times = np.arange(X.shape[2]) / 180
    ax.plot(times, X[first, 0], label="beat")
    ax.plot(times, decoded[first, 0], label="through its tokens")
    ax.set_title(label)
    ax.set_xlabel("time (s)")
axes[0].set_ylabel("first lead (mV)")
axes[0].legend(loc="best", fontsize="small")
error = np.square(decoded - X).mean() / X.var(axis=(0, 2)).mean()
print(f"share of the variance that the tokens lose: {error:.3f}")
for band in ("low", "high"):
    usage = vqvae.history_[f"train_tokens_{band}_usage"][-1]
    print(f"perplexity of the {band} band's codebook over its size: {usage:.2f}")

# %%
# Real beats above, drawn ones below. Labels are asked for, so their numbers are exact.

beat_display = SignalDisplay.from_estimator(
    vqvae, X, y, n_signals=4, fs=180, random_state=0
)

# %%
# Forget some tokens
# ------------------
# With ``anchors``, the share ``strength`` of the tokens of an interpolation between two
# real beats is filled in again. At 0 it is what SMOTE makes, at 1 a pure sample.

label = "V"
strengths = [0.0, 0.25, 0.5, 0.75, 1.0]
strength_figure, axes = plt.subplots(
    3, len(strengths), sharex=True, sharey=True, figsize=(10, 4), layout="constrained"
)
for strength, column in zip(strengths, axes.T, strict=True):
    near = vqvae.sample(
        3, y=label, anchors=X[y == label], strength=strength, random_state=1
    )
    column[0].set_title(f"strength {strength:g}")
    for signal, ax in zip(near, column, strict=True):
        ax.plot(np.arange(signal.shape[1]) / 180, signal[0])
for ax in axes[-1]:
    ax.set_xlabel("time (s)")
strength_figure.supylabel("first lead (mV)")

if args.save:
    folder = Path(args.save)
    folder.mkdir(parents=True, exist_ok=True)
    loss_display.figure_.savefig(folder / "tokens_ecg_losses.png", dpi=100)
    figure.savefig(folder / "tokens_ecg_decoded.png", dpi=100)
    beat_display.figure_.savefig(folder / "tokens_ecg_beats.png", dpi=100)
    strength_figure.savefig(folder / "tokens_ecg_strengths.png", dpi=100)
else:
    plt.show()
