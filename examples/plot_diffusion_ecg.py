"""
Diffusion: from noise to heartbeats
===================================

A diffusion model learns to remove noise, and then makes signals out of nothing else. We
train one on heartbeats of four classes, watch it work, see how few steps will do, and
turn the dial from SMOTE to a pure sample.

Run as a script, it takes simulated beats, or the MIT-BIH records of a folder::

    python examples/plot_diffusion_ecg.py --data path/to/mitdb --save pictures
"""

# %%
# Train
# -----
# ``fit`` takes signals and labels as any scikit-learn estimator does. The defaults are
# made for some thousand beats and a few minutes; a narrow network and few updates are
# enough for a first look.

import argparse
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from sksynth import TimeDiffusion
from sksynth.datasets import load_mitbih, make_ecg
from sksynth.metrics import frechet_distance
from sksynth.plotting import LossDisplay, SignalDisplay

parser = argparse.ArgumentParser()
parser.add_argument("--data", help="folder with MIT-BIH records; default: simulated")
parser.add_argument("--save", help="folder for the pictures; default: show them")
parser.add_argument("--beats", type=int, default=1000, help="number of training beats")
parser.add_argument("--epochs", type=int, default=25, help="passes through the beats")
args = parser.parse_args()

if args.data:
    beats = load_mitbih(args.data, fs=180, n_times=128)
    chosen = np.random.default_rng(0).permutation(len(beats.data))[: 2 * args.beats]
    X, y = beats.data[chosen], beats.target[chosen]
else:
    X, y = make_ecg(
        2 * args.beats, weights=[0.55, 0.15, 0.2, 0.1], n_subjects=20, random_state=0
    )
X, X_other, y, y_other = X[::2], X[1::2], y[::2], y[1::2]

diffusion = TimeDiffusion(
    widths=(32, 64, 64), max_epochs=args.epochs, random_state=0
).fit(X, y)
loss_display = LossDisplay.from_estimator(diffusion)

# %%
# Real beats above, drawn ones below. Labels are asked for, so their numbers are exact.

beat_display = SignalDisplay.from_estimator(
    diffusion, X, y, n_signals=4, fs=180, random_state=0
)

# %%
# How many steps?
# ---------------
# A step is a pass through the network. The default solver needs a dozen or two where
# ancestral sampling, as first published, needs hundreds. The Fréchet distance to other
# real beats says what is lost (lower is better; the distance of the training beats to
# the others is what there is to reach).

wanted = np.repeat(np.unique(y), 50)


def distance(signals, labels):
    """Mean over the classes of the Fréchet distance to other real beats."""
    return np.mean(
        [
            frechet_distance(X_other[y_other == label][:50], signals[labels == label])
            for label in np.unique(labels)
        ]
    )


real = np.concatenate([np.flatnonzero(y == label)[:50] for label in np.unique(y)])
rows = [{"sampler": "real beats", "distance": distance(X[real], y[real])}]
for sampler, n_steps in (
    ("dpm-solver", 6),
    ("dpm-solver", 18),
    ("ddim", 18),
    ("heun", 9),
    ("ancestral", 18),
    ("ancestral", 60),
):
    diffusion.set_params(sampler=sampler, n_steps=n_steps)  # needs no new fit
    start = time.perf_counter()
    drawn = diffusion.sample(len(wanted), y=wanted, random_state=0)
    seconds = time.perf_counter() - start
    found = {"sampler": sampler, "steps": n_steps, "seconds": seconds}
    rows.append({**found, "distance": distance(drawn, wanted)})
print(pd.DataFrame(rows).round(3).to_string(index=False, na_rep=""))
diffusion.set_params(sampler="dpm-solver", n_steps=18)

# %%
# From SMOTE to a pure sample
# ---------------------------
# With ``anchors``, the noise is put on an interpolation between two real beats of the
# class, and ``strength`` says how much. At 0 it is what SMOTE makes, at 1 nothing is
# left of the real beats. The same seed makes the same choices all along.

label = "V"
anchors = X[y == label]
strengths = [0.0, 0.25, 0.5, 0.75, 1.0]
figure, axes = plt.subplots(
    3, len(strengths), sharex=True, sharey=True, figsize=(10, 4), layout="constrained"
)
for strength, column in zip(strengths, axes.T, strict=True):
    near = diffusion.sample(
        3, y=label, anchors=anchors, strength=strength, random_state=1
    )
    column[0].set_title(f"strength {strength:g}")
    for signal, ax in zip(near, column, strict=True):
        ax.plot(np.arange(signal.shape[1]) / 180, signal[0])
for ax in axes[-1]:
    ax.set_xlabel("time (s)")
figure.supylabel("first lead (mV)")
figure.suptitle("Ventricular beats between SMOTE (left) and a pure sample (right)")

# %%
# Distance to the nearest of the anchors, as a share of what is usual between real
# beats, grows on the way.

others = X_other[y_other == label]


def to_nearest(signals):
    """Median distance to the nearest anchor."""
    difference = signals[:, None] - anchors[None]
    return np.median(np.sqrt(np.square(difference).sum(axis=(2, 3))).min(axis=1))


for strength in strengths:
    near = diffusion.sample(
        60, y=label, anchors=anchors, strength=strength, random_state=1
    )
    print(f"strength {strength:4.2f}: {to_nearest(near) / to_nearest(others):.2f}")

if args.save:
    folder = Path(args.save)
    folder.mkdir(parents=True, exist_ok=True)
    beat_display.figure_.savefig(folder / "diffusion_ecg_beats.png", dpi=100)
    loss_display.figure_.savefig(folder / "diffusion_ecg_losses.png", dpi=100)
    figure.savefig(folder / "diffusion_ecg_strengths.png", dpi=100)
else:
    plt.show()
