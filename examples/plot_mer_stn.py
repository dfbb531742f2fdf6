"""
Micro-electrode recordings from their conditions
================================================

In surgery for deep brain stimulation one listens to the way of an electrode into the
subthalamic nucleus (STN). :class:`~sksynth.generators.MerGen` learns to make such
recordings from what is known of a place: the annotated activity, the distance to the
target, the kind of artefact, and how loud and busy each moment is (arXiv 2503.16928).
Do the recordings show what was asked for, and do they help to find the nucleus?

By default all is simulated and so small that it runs in a minute or two and shows the
way, not what can be reached. The user guide has the figures of these sizes::

    python examples/plot_mer_stn.py --train 400 --test 160 --subjects 10 \
        --seconds 1.5 --updates 800 600 500 1600 --drawn 160 --long 15
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from scipy.io import wavfile
from scipy.stats import spearmanr
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.metrics import balanced_accuracy_score, cohen_kappa_score

from sksynth import MerGen
from sksynth.datasets import make_mer
from sksynth.metrics import (
    classifier_two_sample_score,
    envelope_line,
    local_metrics,
    root_mean_square,
    spike_count,
)
from sksynth.spectral import LogMel, stft

parser = argparse.ArgumentParser()
parser.add_argument("--train", type=int, default=32, help="simulated recordings")
parser.add_argument("--test", type=int, default=32)
parser.add_argument("--subjects", type=int, default=4, help="of each of the two")
parser.add_argument("--seconds", type=float, default=0.5, help="of a recording")
parser.add_argument("--data", help="recordings of yours: an NPZ file, or WAV files")
parser.add_argument(
    "--updates",
    type=int,
    nargs=4,
    default=[40, 30, 12, 60],
    help="of the auto-encoder, of the two transformers and of the vocoder",
)
parser.add_argument("--drawn", type=int, default=32, help="recordings to draw")
parser.add_argument("--long", type=float, default=2, help="seconds of the long ones")
parser.add_argument("--seed", type=int, default=0, help="of the trainings")
parser.add_argument("--full", action="store_true", help="the published sizes")
parser.add_argument("--audio", help="folder for WAV files to listen to")
args, _ = parser.parse_known_args()

FS, WINDOW = 24_000, 1024

# %%
# Recordings
# ----------
# Subjects of the test are others than those of the training. Your own recordings come
# from an NPZ file with the arrays ``data`` (n, 1, n_times), ``target``, ``distance``,
# ``artifact``, ``inside`` and ``groups``, or from a folder of WAV files with a table
# ``labels.csv`` of the columns file, target, distance, artifact, inside and group.


def read(path):
    """Recordings at 24 kHz, of whole windows, and a table of what is known of them."""
    path = Path(path)
    if path.is_file():
        with np.load(path) as file:
            columns = {name: file[name] for name in file.files if name != "data"}
            data = file["data"][..., : file["data"].shape[-1] // WINDOW * WINDOW]
            return data.astype(np.float32), pd.DataFrame(
                columns | {"group": columns["groups"]}
            )
    table = pd.read_csv(path / "labels.csv")
    read_files = [wavfile.read(path / name) for name in table["file"]]
    if any(fs != FS for fs, _ in read_files):
        raise ValueError(f"WAV files must have {FS} samples a second")
    n_times = min(len(x) for _, x in read_files) // WINDOW * WINDOW
    return np.stack([x[None, :n_times] for _, x in read_files]).astype(
        np.float32
    ), table


def simulate(n, seed):
    n_times = round(args.seconds * FS / WINDOW) * WINDOW
    mer = make_mer(n, n_subjects=args.subjects, n_times=n_times, random_state=seed)
    names = ["target", "distance", "artifact", "inside"]
    return mer.data, pd.DataFrame({k: mer[k] for k in names} | {"group": mer.groups})


if args.data:
    X, table = read(args.data)
    subjects = np.random.default_rng(0).permutation(table["group"].unique())
    is_test = table["group"].isin(subjects[: max(1, len(subjects) // 3)]).to_numpy()
    train, test = table[~is_test], table[is_test]
    X_train, X_test = X[~is_test], X[is_test]
else:
    X_train, train = simulate(args.train, 0)
    X_test, test = simulate(args.test, 1)
CONTEXT = ["distance", "artifact"]
print(
    f"{len(train)} recordings to train on, {len(test)} to test on, {X_train.shape[2]}"
    f" samples each"
)

# %%
# Training
# --------
# One generator knows all conditions; two others know a part of them, for comparison.
sizes = (
    {}
    if not args.full
    else {
        **{"n_codes": 1024, "code_dim": 64, "width": 128, "n_blocks": 4, "n_heads": 8},
        **{"prior_width": 256, "encoder_layers": 4, "decoder_layers": (6, 8)},
        **{"vocoder_width": 512, "discriminator_width": 16},
    }
)
BATCH = 16


def epochs(n_updates, batch_size=BATCH):
    return max(1, round(n_updates / np.ceil(len(train) / batch_size)))


def fit(conditioning):
    vqvae, top, bottom, vocoder = args.updates
    generator = MerGen(
        conditioning=conditioning,
        batch_size=BATCH,
        max_epochs=epochs(vqvae),
        prior_epochs=(epochs(top), epochs(bottom)),
        vocoder_epochs=epochs(vocoder, BATCH // 4),
        random_state=args.seed,
        **sizes,
    )
    return generator.fit(X_train, train["target"], context=train[CONTEXT])


generators = {name: fit(name) for name in ("both", "global", "local")}
mergen = generators["both"]

fig, axes = plt.subplots(1, 4, figsize=(10, 2.4), layout="constrained")
for ax, name in zip(
    axes,
    ("train_mel", "train_top_loss", "train_bottom_loss", "train_vocoder_mel"),
    strict=True,
):
    ax.plot(mergen.history_[name])
    ax.set_title(name, fontsize=9)
    ax.set_xlabel("epoch")

# %%
# Through each stage
# ------------------
# Held-out recordings, from their spectrogram and from their tokens. Errors are in
# decades: of the log-mel spectrogram, and of spectra at four other resolutions. The
# two-sample score is 1 where a classifier cannot tell the recordings from real ones,
# and 0 where it always can.
log_mel = LogMel()


def bands(X):
    X = torch.from_numpy((X[:, 0, : X.shape[2] // 256 * 256] - offset) / scale)
    return torch.cat([log_mel(x.float()) for x in X.split(16)]).numpy()


def features(X):
    """What a recogniser sees: quantiles of the local metrics, and spectra."""
    local = local_metrics(X, fs=FS)[:, 0]
    quantiles = np.quantile(local, [0.1, 0.5, 0.9], axis=2)
    mel = bands(X)[:, ::4]
    return np.concatenate([*quantiles, mel.mean(axis=2), mel.std(axis=2)], axis=1)


def spectral_error(X):
    """Mean difference of log-magnitudes from those of the test, at four resolutions."""
    errors = []
    for n_fft in (256, 512, 1024, 2048):
        a, b = (
            stft(torch.from_numpy(x).float(), n_fft, n_fft // 4, hann=True).abs()
            for x in (X, X_test)
        )
        floor = 1e-3 * b.mean()
        errors.append((a.clamp(min=floor) / b.clamp(min=floor)).log10().abs().mean())
    return float(np.mean(errors))


def through_mel(inverter):
    """Real spectrograms, made recordings again."""
    mel = torch.from_numpy(bands(X_test))
    if inverter != "griffin-lim":
        with torch.inference_mode():
            X = mergen.network_["vocoder"].vocode(mel)[:, 0]
        if inverter == "refined":
            X = log_mel.refine(mel, X, n_iter=16)
        return scale * X.numpy()[:, None] + offset
    rng = torch.Generator().manual_seed(0)
    phase = 2 * torch.pi * torch.rand(len(mel), 513, mel.shape[2], generator=rng)
    return scale * log_mel.griffin_lim(mel, phase).numpy()[:, None] + offset


scale, offset = (float(mergen.scaler_.scale[0, 0]), float(mergen.scaler_.offset[0, 0]))
tokens = mergen.encode(X_test)
stages = {
    "spectrogram, vocoder": through_mel("vocoder"),
    "spectrogram, vocoder, 16 steps": through_mel("refined"),
    "spectrogram, Griffin-Lim": through_mel("griffin-lim"),
    "tokens, vocoder": mergen.decode(tokens),
    "tokens, Griffin-Lim": mergen.set_params(inverter="griffin-lim").decode(tokens),
    "sampled": mergen.set_params(inverter="melgan").sample(
        len(test), y=test["target"], context=test[CONTEXT], random_state=0
    ),
}
rows = []
for name, X in stages.items():
    is_paired = name != "sampled"
    error = np.abs(bands(X) - bands(X_test)).mean() if is_paired else np.nan
    spikes = [spike_count(rows_, fs=FS).mean() for rows_ in (X, X_test)]
    rms = [root_mean_square(rows_).mean() for rows_ in (X, X_test)]
    rows.append(
        {
            "stage": name,
            "log-mel error": error,
            "of other spectra": spectral_error(X) if is_paired else np.nan,
            "RMS, of real": rms[0] / rms[1],
            "spikes, of real": spikes[0] / spikes[1],
            "two-sample score": classifier_two_sample_score(
                features(X), features(X_test), random_state=0
            ),
        }
    )
print(pd.DataFrame(rows).set_index("stage").round(3).to_string())

fig, axes = plt.subplots(2, 3, figsize=(10, 4), sharey="row", layout="constrained")
shown = {"real": X_test, **{k: stages[k] for k in ("tokens, vocoder", "sampled")}}
for (above, below), (name, X) in zip(axes.T, shown.items(), strict=True):
    above.plot(np.arange(X.shape[2]) / FS, X[0, 0], linewidth=0.4)
    above.set_title(name, fontsize=9)
    below.imshow(bands(X[:1])[0], origin="lower", aspect="auto")
    below.set_xlabel("frame")
axes[0, 0].set_ylabel("microvolt")
axes[1, 0].set_ylabel("mel band")

# %%
# Is it what was asked for?
# -------------------------
# A recogniser of the annotation is trained on real recordings. Kappa compares what was
# asked of the generator with what is recognised; the annotation is an ordinal score, so
# weights are quadratic. The generators with a part of the conditions are asked for the
# same. Loudness and spikes of a recording are compared with those of the row whose
# conditions it was given, metrics of the windows included.


def recogniser(X, y):
    forest = ExtraTreesClassifier(
        500, min_samples_leaf=2, class_weight="balanced", random_state=0
    )
    return forest.fit(features(X), y)


of_real = recogniser(X_train, train["target"])
asked = np.resize(np.unique(train["target"]), args.drawn)
local = local_metrics(X_test, fs=FS)
measured = [root_mean_square(X_test)[:, 0], spike_count(X_test, fs=FS)[:, 0]]
rows = [
    {
        "conditions": "real, held out",
        "kappa": cohen_kappa_score(
            test["target"], of_real.predict(features(X_test)), weights="quadratic"
        ),
    }
]
for name, generator in generators.items():
    found = of_real.predict(
        features(generator.sample(args.drawn, y=asked, random_state=0))
    )
    X = generator.sample(
        len(test), y=test["target"], context=test[CONTEXT], local=local, random_state=0
    )
    made = [root_mean_square(X)[:, 0], spike_count(X, fs=FS)[:, 0]]
    ranks = [spearmanr(a, b)[0] for a, b in zip(made, measured, strict=True)]
    rows.append(
        {
            "conditions": name,
            "kappa": cohen_kappa_score(asked, found, weights="quadratic"),
            "exact kappa": cohen_kappa_score(asked, found),
            "rank correlation of RMS": ranks[0],
            "of spikes": ranks[1],
        }
    )
print(pd.DataFrame(rows).set_index("conditions").round(2).to_string())

# %%
# Does it help to find the nucleus?
# ---------------------------------
# A classifier of inside and outside of the STN, on subjects it has not seen: trained on
# real recordings, on generated ones, on both. Generated rows are asked with conditions
# of training rows, as many of inside as of outside, and have their labels.
rng = np.random.default_rng(0)
kinds = [np.flatnonzero(train["inside"] == k) for k in (False, True)]
like = np.concatenate([rng.choice(kind, args.drawn // 2) for kind in kinds])
X_new = mergen.sample(
    len(like),
    y=train["target"].to_numpy()[like],
    context=train[CONTEXT].iloc[like],
    random_state=1,
)
y_new = train["inside"].to_numpy()[like]
y_real = train["inside"].to_numpy()
for name, X, y in (
    ("TrRTeR", X_train, y_real),
    ("TrSTeR", X_new, y_new),
    ("TrRSTeR", np.concatenate([X_train, X_new]), np.concatenate([y_real, y_new])),
):
    named = recogniser(X, y).predict(features(X_test))
    score = balanced_accuracy_score(test["inside"], named)
    print(f"{name}: balanced accuracy {score:.3f}")

# %%
# Longer than those of the training
# ---------------------------------
# ``joining="parallel"`` makes segments that all start alike and are cross-faded, as
# published; "continue" lets each go on from the last tokens of the one before. The line
# at the rate of the segments, the correlation of the envelope with itself a segment
# later, and how much the spectra of the two halves differ, in decades; simulated
# recordings of that length show what to expect.
n_steps = mergen.n_tokens_[0]
period = (n_steps - n_steps // 7) * WINDOW / FS
n_times = round(args.long * FS)
n_long = max(1, args.drawn // 4)
simulated = make_mer(
    n_long, n_subjects=args.subjects, n_times=n_times, random_state=2
).data
long = {"simulated": simulated}
for joining in ("parallel", "continue"):
    mergen.set_params(joining=joining)
    long[joining] = mergen.sample(n_long, n_times=n_times, random_state=0)


def envelope(X, step=256):
    X = X[..., : X.shape[2] // step * step]
    rms = np.sqrt(np.square(X).reshape(len(X), -1, step).mean(axis=2))
    return (rms - rms.mean(axis=1, keepdims=True)) / rms.std(axis=1, keepdims=True)


lag = round(period * FS / 256)
for name, X in long.items():
    e = envelope(X)
    again = (e[:, lag:] * e[:, :-lag]).mean()
    halves = [bands(half).mean(axis=2) for half in np.array_split(X, 2, axis=2)]
    drift = np.abs(halves[0] - halves[1]).mean()
    print(
        f"{name}: envelope {again:+.3f} a segment later, halves differ by {drift:.3f}"
    )
    if period * 4 <= args.long:
        line = envelope_line(X, FS, 1 / period)
        print(f"    line at {1 / period:.2f} Hz {line.mean():+.1f} dB")

fig, axes = plt.subplots(3, 1, figsize=(9, 4), sharex=True, layout="constrained")
for ax, (name, X) in zip(axes, long.items(), strict=True):
    ax.plot(np.arange(X.shape[2]) / FS, X[0, 0], linewidth=0.3)
    ax.set_ylabel(name)
axes[-1].set_xlabel("time, s")

# %%
# To listen to.
if args.audio:
    Path(args.audio).mkdir(parents=True, exist_ok=True)
    for name, X in {**shown, **long}.items():
        loud = 0.5 * X[0, 0] / np.abs(X[0, 0]).max()
        path = Path(args.audio) / f"{name.replace(', ', '_')}.wav"
        wavfile.write(path, FS, loud.astype(np.float32))
plt.show()
