"""The pictures of a report, as PNG."""

import io
import warnings
from contextlib import contextmanager

import numpy as np

from sksynth.evaluation._report_html import Picture
from sksynth.plotting import EmbeddingDisplay, SpectrumDisplay
from sksynth.plotting._matplotlib import import_pyplot
from sksynth.plotting._text import plain

DPI = 170
WIDTH = 4.2  # inches: 714 pixels, shown at half of that or more
COLOURS = {"real": "C0", "synthetic": "C1"}
LONGEST = 500  # times of a signal drawn


@contextmanager
def plain_style():
    """Matplotlib's own style, whatever the user's is, and no window."""
    plt = import_pyplot()
    with plt.style.context("default", after_reset=True), plt.ioff():
        yield


def signal_picture(real, synthetic, *, fs, names, title):
    """Real and synthetic signals of one class, channels under each other."""
    plt = import_pyplot()
    n_channels = real.shape[1]
    some = real if len(real) else synthetic
    level = np.median(some, axis=(0, 2), keepdims=True)  # of a channel, for both kinds
    drawn = {
        "real": real[..., :LONGEST] - level,
        "synthetic": synthetic[..., :LONGEST] - level,
    }
    everything = np.concatenate(list(drawn.values()))
    low, high = everything.min(axis=2), everything.max(axis=2)
    step = 1.05 * (high - low).max() or 1.0  # between channels
    figure, axes = plt.subplots(
        1,
        2,
        sharex=True,
        sharey=True,
        layout="constrained",
        figsize=(WIDTH, 1.5 + 0.4 * n_channels),
    )
    offsets = -step * np.arange(n_channels)
    for ax, (kind, X) in zip(axes, drawn.items(), strict=True):
        times = np.arange(everything.shape[2]) / (fs or 1)
        for channel, offset in enumerate(offsets):
            lines = X[:, channel].T + offset
            ax.plot(times, lines, color=COLOURS[kind], lw=0.8, alpha=0.7)
        ax.set_title(kind)
        ax.set_xlabel("sample" if fs is None else "time (s)")
    axes[0].set_yticks(offsets, [plain(name, 12) for name in names])
    alt = (
        f"{title}: {len(real)} real and {len(synthetic)} synthetic signals, "
        f"{n_channels} channels under each other."
    )
    return _picture(figure, alt, title)


def spectrum_picture(real, synthetic, *, fs, name):
    """Mean spectra of one channel."""
    display = SpectrumDisplay(real, synthetic, fs=fs, channel_names=[""])
    display.plot(figsize=(WIDTH, 3))
    apart = np.abs(display.real_[0, 0] - display.synthetic_[0, 0]).max()
    alt = (
        f"Power spectra of {name}: mean and middle 80 % of real and of synthetic rows. "
        f"The means are at most {apart:.1f} dB apart."
    )
    return _picture(display.figure_, alt, name)


def embedding_pictures(real, synthetic, labels, *, method, n_rows, seed):
    """Points by kind and, where there are several classes, by class."""
    y_real, y_synthetic = labels
    display = EmbeddingDisplay(
        real,
        synthetic,
        y_real=y_real,
        y_synthetic=y_synthetic,
        method=method,
        n_rows=n_rows,
        random_state=seed,
    )
    several = y_real is not None and len(np.unique(np.concatenate(labels))) > 1
    name = {"pca": "PCA", "tsne": "t-SNE"}[method]
    for by in ["kind", "class"] if several else ["kind"]:
        display.plot(by=by, figsize=(WIDTH, 3.6))
        n = len(display.real_points_)
        colour = "real and synthetic" if by == "kind" else "class"
        alt = f"{name} of {n} real and {n} synthetic rows, coloured by {colour}."
        yield _picture(display.figure_, alt, f"{name}, by {colour}")


def distance_picture(to_train, to_held_out):
    """Distances of synthetic rows to the nearest training and held-out row."""
    figure, ax = import_pyplot().subplots(layout="constrained", figsize=(WIDTH, 3))
    edges = np.histogram_bin_edges(np.concatenate([to_train, to_held_out]), bins=40)
    for name, values, colour in (
        ("training", to_train, "C3"),
        ("held-out", to_held_out, "C0"),
    ):
        ax.hist(values, edges, histtype="step", lw=1.5, color=colour, label=name)
    ax.set(xlabel="distance to the nearest row (sd)", ylabel="synthetic rows")
    ax.legend()
    medians = np.median(to_train), np.median(to_held_out)
    alt = (
        "Distances of synthetic rows to the nearest training row, median "
        f"{medians[0]:.3g}, and to the nearest held-out row, median {medians[1]:.3g}."
    )
    return _picture(figure, alt, "Distance to the nearest training and held-out row")


def _picture(figure, alt, caption):
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a label in any script
        figure.savefig(file, format="png", dpi=DPI, metadata={"Software": None})
    import_pyplot().close(figure)
    size = tuple((figure.get_size_inches() * DPI).round().astype(int).tolist())
    return Picture(file.getvalue(), size, alt, caption)
