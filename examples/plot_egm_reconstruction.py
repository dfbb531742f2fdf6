"""
Electrograms from the body surface, with synthetic ones
=======================================================

Electrocardiographic imaging computes what happens in the atria from potentials of the
body surface. A model that learns it needs pairs of both, of which there are few. Can a
generator help, that learns from the few what electrograms look like, and whose samples
the forward matrix turns into new pairs? This is the experiment of the electrogram study
(arXiv 2512.14537) with :class:`~sksynth.generators.ConvVAE`, on simulated atria.

By default it is small enough for a minute or two, and too small to tell much. The user
guide has the table of these sizes::

    python examples/plot_egm_reconstruction.py --train 150 --test 100 --electrodes 64 \
        --epochs 80 --diffusion-epochs 300 --seeds 8
"""

# %%
# Simulated atria, a second of each
# ---------------------------------
# Windows start just before the strongest deflection of the first second on the body
# surface, as windows of ECGs start at a beat. The noise of the leads is added
# afterwards, by the function that real and synthetic electrograms share. Channels of an
# electrogram are electrodes around the tissue; ``channel_graph`` tells the generator
# where they are.

import argparse
import warnings
from functools import partial
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.signal import butter, sosfiltfilt
from scipy.stats import t as student
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksynth import CNN1DClassifier, ConvVAE, GeneratorAugmenter, TimeDiffusion
from sksynth.datasets import make_egm
from sksynth.metrics import (
    log_spectral_distance,
    nearest_match,
    paired_correlation,
    paired_rmse,
)
from sksynth.plotting import LatentDisplay
from sksynth.selection import KeepBest

parser = argparse.ArgumentParser()
parser.add_argument("--train", type=int, default=31, help="simulations of a rhythm")
parser.add_argument("--test", type=int, default=16, help="simulations of a rhythm")
parser.add_argument("--electrodes", type=int, default=32)
parser.add_argument("--epochs", type=int, default=120, help="of a ConvVAE")
parser.add_argument("--models", type=int, default=6, help="pairs of the regression")
parser.add_argument("--seeds", type=int, default=2, help="choices of these pairs")
parser.add_argument("--diffusion-epochs", type=int, default=150)
args, _ = parser.parse_known_args()

FS, N_TIMES = 100, 100
RHYTHMS = ["SR", "AF"]
COUNTS = [0, 2, 5, 10, 14, 18, 25]  # k
N_FOLDS = 5
if args.models < N_FOLDS:
    parser.error(f"--models must be at least {N_FOLDS}; got {args.models}")
if args.seeds < 2:
    parser.error(f"--seeds must be at least 2, for an interval; got {args.seeds}")
if args.train < args.models + COUNTS[-1]:
    least = f"--models and {COUNTS[-1]} more, {args.models + COUNTS[-1]}"
    parser.error(f"--train must be at least {least}; got {args.train}")


def body_surface(egm, matrix, seed):
    """Potentials of the leads, with the noise of ``make_egm``: 3 to 30 Hz, 20 dB."""
    clean = np.einsum("le,net->nlt", matrix, egm)
    sos = butter(3, (3, 30), "bandpass", fs=FS, output="sos")
    rng = np.random.default_rng(seed)
    edge = FS  # 1 s on either side, for the filter
    noise = rng.standard_normal((*clean.shape[:2], clean.shape[2] + 2 * edge))
    noise = sosfiltfilt(sos, noise)[..., edge:-edge]
    power, power_of_noise = (
        np.square(x).mean(axis=(1, 2), keepdims=True) for x in (clean, noise)
    )
    return (clean + noise * np.sqrt(power / power_of_noise / 100)).astype(np.float32)


def simulate(n, seed):
    """Windows from 50 ms before the strongest deflection of the first second."""
    size = {"n_electrodes": args.electrodes, "n_times": 2 * N_TIMES, "fs": FS}
    egm = make_egm(n, snr=None, random_state=seed, **size)
    strength = np.square(egm.bspm[:, :, 5 : N_TIMES + 5]).mean(axis=1)
    starts = strength.argmax(axis=1)
    egm.data = np.stack(
        [row[:, i : i + N_TIMES] for row, i in zip(egm.data, starts, strict=True)]
    )
    # seeds below 1000 are those of added pairs
    egm.bspm = body_surface(egm.data, egm.forward, seed=1000 + seed)
    return egm


train, test = simulate(2 * args.train, 0), simulate(2 * args.test, 1)
sinus = train.target == "SR"
parameters = {
    "latent_dim": 16,
    "width": 16,
    "batch_size": 8,
    "max_epochs": args.epochs,
    "channel_graph": train.positions,
    "random_state": 0,
}

# %%
# Fidelity by rhythm
# ------------------
# VAE-S is fitted to one rhythm, VAE-C to both with their labels. Each sample is
# compared with the most similar held-out electrogram of its rhythm; training rows,
# compared in the same way, are what a perfect generator would get. 25 of 200 samples
# are kept by :class:`~sksynth.selection.KeepBest`, as the study keeps them.


def fidelity(X, rhythm):
    reference = test.data[test.target == rhythm]
    nearest = reference[nearest_match(X, reference)[0]]
    # Welch's method with segments of 0.32 s; the study does not say which it used
    spectra = {"fs": FS, "band": (0, 30), "nperseg": 32}
    return {
        "LSD, dB": log_spectral_distance(X, nearest, **spectra).mean(),
        "correlation": paired_correlation(X, nearest).mean(),
    }


vae_c = ConvVAE(**parameters).fit(train.data, train.target)
table, samples = [], {}
for rhythm in RHYTHMS:
    rows = train.data[train.target == rhythm]
    vae_s = ConvVAE(**parameters).fit(rows)
    keep = KeepBest(max_distance_quantile=1.0).fit(rows)
    drawn = {"training rows": rows}
    for name, X in (
        ("VAE-S", vae_s.sample(200, random_state=0)),
        ("VAE-C", vae_c.sample(200, y=rhythm, random_state=0)),
    ):
        drawn[name], drawn[f"{name}, 25 of 200"] = X, X[keep.select(X).mask]
    samples[rhythm] = drawn
    for name, X in drawn.items():
        if len(X):  # none may be left of a small training
            row = {"rhythm": rhythm, "rows": name, "n": len(X)}
            table.append({**row, **fidelity(X, rhythm)})
table = pd.DataFrame(table).set_index(["rhythm", "rows"])
print(table.round(2).to_string())

# %%
# Does VAE-C keep the rhythms apart? A classifier trained on real rows names the rhythm
# of its samples. The latents show the rhythms, too.
classifier = CNN1DClassifier(max_epochs=15, random_state=0)
classifier.fit(train.data, train.target)
print(f"rhythm of held-out rows: {classifier.score(test.data, test.target):.3f}")
for rhythm in RHYTHMS:
    named = classifier.predict(samples[rhythm]["VAE-C"]) == rhythm
    print(f"samples of {rhythm} named so: {named.mean():.3f}")

LatentDisplay.from_estimator(vae_c, train.data, train.target, figsize=(5, 3.5))

# %%
# An electrogram of each rhythm, real and synthetic.
fig, axes = plt.subplots(2, 2, figsize=(8, 4), sharex=True, layout="constrained")
times = np.arange(N_TIMES) / FS
for axes_of, rhythm in zip(axes, RHYTHMS, strict=True):
    for ax, name in zip(axes_of, ("training rows", "VAE-C"), strict=True):
        ax.plot(times, samples[rhythm][name][0, ::8].T, linewidth=0.8)
        ax.set_title(f"{rhythm}: {name}", fontsize=9, loc="left")
for ax in axes[1]:
    ax.set_xlabel("time, s")

# %%
# From the body surface to the atrium
# -----------------------------------
# Sinus rhythm. A few simulations are pairs to learn from; the generator sees their
# electrograms alone. :class:`~sksynth.over_sampling.GeneratorAugmenter` draws k new
# ones, and ``forward`` computes the body surface they would make, with noise of its
# own. The model is a linear regression from the leads within 30 ms to the electrodes,
# with a penalty chosen by cross-validation. All is repeated for several choices of the
# pairs, each with its own noise, which is the same for all sources.
LAGS = 3


def frames(X):
    """A row for each time: (n, n_channels, n_times) to (n * n_times, n_channels)."""
    return X.transpose(0, 2, 1).reshape(-1, X.shape[1])


def lagged(bspm):
    padded = np.pad(bspm, ((0, 0), (0, 0), (LAGS, LAGS)))
    shifts = range(2 * LAGS + 1)
    shifted = [padded[:, :, i : i + bspm.shape[2]] for i in shifts]
    return frames(np.concatenate(shifted, axis=1))


def reconstruct(bspm, egm):
    """Electrograms of the held-out body surfaces, from what these pairs teach."""
    X, y = lagged(bspm), frames(egm)
    windows = np.repeat(np.arange(len(bspm)), N_TIMES)
    folds = list(
        GroupKFold(N_FOLDS).split(X, groups=windows)
    )  # frames of one stay together
    model = make_pipeline(StandardScaler(), RidgeCV(10.0 ** np.arange(0, 6), cv=folds))
    model = TransformedTargetRegressor(
        model, transformer=StandardScaler(with_std=False)
    ).fit(X, y)
    found = model.predict(lagged(surface))
    return found.reshape(len(surface), N_TIMES, -1).transpose(0, 2, 1)


real, surface = (
    test[name][test.target == "SR"].astype(np.float32) for name in ("data", "bspm")
)
few = {**parameters, "batch_size": args.models, "max_epochs": 300}
vae = ConvVAE(**few)
CONTROL = "the real ones again"
sources = {
    # strength: samples start half-way between real electrograms
    "VAE-S": {"generator": vae},
    "VAE-S, strength 0.5": {"generator": vae, "strength": 0.5},
    "VAE-S, 25 of 200": {
        "generator": vae,
        "selection": KeepBest(max_distance_quantile=1.0),
    },
    "TimeDiffusion": {
        "generator": TimeDiffusion(
            batch_size=args.models, max_epochs=args.diffusion_epochs
        )
    },
    CONTROL: None,
    "more real ones": None,
}


def pairs(source, rows, others, seed):
    """The real pairs, and behind them as many new ones as the largest k."""
    bspm, egm = train.bspm[rows], train.data[rows]
    forward = partial(body_surface, matrix=train.forward, seed=seed)
    if source == "more real ones":
        rows = np.concatenate([rows, others[: COUNTS[-1]]])
        return train.bspm[rows], train.data[rows]
    if source == CONTROL:  # with new noise
        again = egm[np.arange(COUNTS[-1]) % len(egm)]
        return np.concatenate([bspm, forward(again)]), np.concatenate([egm, again])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # where fewer than 25 are good
        # the rows of a smaller ratio would be the first of these
        return GeneratorAugmenter(
            **sources[source],
            ratio=COUNTS[-1] / len(rows),
            forward=forward,
            memory=memory.name,  # one training serves all that ask for it
            random_state=seed,
        ).fit_resample(bspm, egm)


memory = TemporaryDirectory()
curves = []
for seed in range(args.seeds):
    order = np.random.default_rng(seed).permutation(np.flatnonzero(sinus))
    rows, others = order[: args.models], order[args.models :]
    for source in sources:
        bspm, egm = pairs(source, rows, others, seed)
        for n in COUNTS:
            used = slice(args.models + n)
            found = reconstruct(bspm[used], egm[used])
            score = {
                "correlation": paired_correlation(found, real).mean(),
                "RMSE, mV": paired_rmse(found, real).mean(),
            }
            curves.append({"source": source, "k": n, "seed": seed, **score})
memory.cleanup()
curves = pd.DataFrame(curves)

# %%
# Differences to k = 0, and then to the real ones again, paired within a choice of
# pairs, with intervals of 95 %.
MEASURES = ["correlation", "RMSE, mV"]
curves = curves.set_index(["source", "k", "seed"])[MEASURES]


def with_interval(difference):
    """Mean over the choices of pairs, and half of the interval."""
    of_choices = difference.groupby(["source", "k"], sort=False)
    return of_choices.mean(), of_choices.sem() * student.ppf(0.975, args.seeds - 1)


def show(title, mean, half):
    """Print a row for each source and a column for each k."""
    text = mean.map("{:+.4f}".format) + half.map(" ({:.4f})".format)
    text = text.unstack("k").reindex([name for name in sources if name in text])
    print(f"\n{title} (half of the interval)\n{text.to_string()}")


start = curves.xs(0, level="k")
print(start.xs("VAE-S").mean().round(4).rename("without synthetic ones").to_string())
mean, half = with_interval(curves - start)
beyond, half_beyond = with_interval((curves - curves.xs(CONTROL)).drop(CONTROL))
for measure in MEASURES:
    show(f"{measure}, gain", mean[measure], half[measure])
    show(f"{measure}, minus {CONTROL}", beyond[measure], half_beyond[measure])

# %%
fig, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
for ax, measure in zip(axes, MEASURES, strict=True):
    for shift, source in enumerate(sources):
        ax.errorbar(
            np.array(COUNTS) + 0.15 * shift,
            mean.loc[source, measure],
            half.loc[source, measure],
            label=source,
            linewidth=1,
            capsize=2,
        )
    ax.axhline(0, color="grey", linestyle="--", linewidth=0.8)
    ax.set(xlabel="k, added electrograms", ylabel=f"{measure}, gain")
axes[0].legend(fontsize="small")
plt.show()

# %%
# The control matters: the real electrograms with new noise already help, for they tell
# the regression how noisy the leads are. With the sizes of the user guide no generator
# gives more than it, and more simulations give three times as much. All is simulated,
# with the forward matrix known: an upper bound for patients.
