"""One page that says what synthetic signals are worth."""

import numpy as np

from sksynth._arrays import check_integer, check_positive
from sksynth._random import as_rng
from sksynth.evaluation._comparison import compare_rows
from sksynth.evaluation._memorisation import memorisation
from sksynth.evaluation._report_data import (
    FEWEST_ROWS,
    check_band,
    checked_data,
    checked_names,
    standard_units,
)
from sksynth.evaluation._report_html import page
from sksynth.evaluation._report_pictures import plain_style
from sksynth.evaluation._report_sections import Material, sections_of
from sksynth.evaluation._rows import as_many, count_copies, halves_and_synthetic
from sksynth.evaluation._utility import judged
from sksynth.evaluation._verdict import verdict
from sksynth.evaluation.report_page import Report


def report(
    X_real,
    X_synthetic,
    *,
    y_real=None,
    y_synthetic=None,
    X_held_out=None,
    y_held_out=None,
    results=None,
    generator=None,
    measure=None,
    fs=None,
    band=None,
    channel_names=None,
    title="Synthetic signals beside real ones",
    max_rows=2000,
    random_state=None,
):
    """Put synthetic signals beside real ones on one HTML page, with a verdict in words.

    The page says whether the synthetic rows help a classifier, look like real ones,
    repeat training rows and cover what real rows show, and gives pictures and tables.
    Wherever it can, a number stands beside the one that real rows get: the real rows
    are split in two halves at random, and the synthetic rows and one half are both
    compared with the other half, in equal numbers of each class. What chance explains
    (three standard deviations, or p of 0.05 for scores) is not called a difference.

    Distances are taken between signals in standard units: each channel less its mean
    over the real rows and divided by its standard deviation.

    Parameters
    ----------
    X_real : array-like of shape (n_real, n_channels, n_times) or (n_real, n_times)
        Real signals that the generator was fitted on; four at least, and two of each
        class. From 40 on they are judged.
    X_synthetic : array-like of shape (n_synthetic, n_channels, n_times) or 2-D
        What it drew, in the channels and times of X_real.
    y_real, y_synthetic : array-like of labels, default=None
        Their classes, both or neither. Classes that one side lacks are not compared.
    X_held_out : array-like of shape (n_held_out, n_channels, n_times), default=None
        Real signals that the generator did not see, four at least. None leaves near
        copies unmeasured. Split by row they tell copied rows; split by patient, rows
        that look like training patients count as near copies too.
    y_held_out : array-like of labels, default=None
        Their classes: then training and held-out rows of equal classes are searched.
    results : DataFrame, default=None
        Scores of :func:`evaluate_combinations` or :func:`compare`, of TrRTeR and
        TrRSTeR at least. None leaves the use for a classifier unmeasured. With the
        methods of :func:`baselines` among them, by their names, the page says whether
        a generator does more than these.
    generator : str, default=None
        Which generator of ``results`` drew the rows. None speaks of all but the
        baselines.
    measure : str, default=None
        Which measure of ``results`` is judged. None takes balanced accuracy, macro F1
        or accuracy, the first of them that is there, else the first measure.
    fs : float, default=None
        Sampling rate in Hz; None counts in samples.
    band : tuple (low, high), default=None
        Frequencies in Hz between which spectra are compared; None is all of them. Give
        that of a filter: where it left nothing, logarithms are large.
    channel_names : list of str, default=None
        Names of the channels; None numbers them.
    title : str, default="Synthetic signals beside real ones"
        Heading of the page.
    max_rows : int, default=2000
        Most real rows that are compared, a half of them each; the frequent classes
        give up rows first. Exact copies are sought among all rows.
    random_state : int, RandomState or None, default=None
        Chooses rows, folds and embedding. The same int gives the same page.

    Returns
    -------
    report : Report
        The page, its verdict and its tables; ``report.save("report.html")``.

    Raises
    ------
    ValueError, TypeError
        If shapes, labels, names or numbers do not fit, no class is on both sides, or
        ``results`` lack columns, the baseline, the generator or the measure.
    ImportError
        Without matplotlib.

    Notes
    -----
    Rows are told apart by logistic regression on 256 random convolutions, by five
    folds, as in :func:`~sksynth.metrics.classifier_two_sample_score`; what counts is an
    accuracy that is 3 / sqrt(8 n) above that for the halves, n being the rows a side.
    Copying is measured by :func:`~sksynth.metrics.copy_fraction` and
    :func:`~sksynth.metrics.membership_inference_auc`, coverage by
    :func:`~sksynth.metrics.precision_recall_density_coverage` with 5 neighbours. A page
    that finds nothing against the synthetic rows is no proof that they are good.

    A gain of scores is credited to the generator where it is better than each of the
    cheap methods in ``results`` by the corrected test, with Holm's correction for all
    comparisons; else the first sentence names those that do as well. It also says where
    real rows alone do hardly better than chance: less than 0.02 above 1 / n_classes, or
    less than 0.1 and not beyond chance by the test (balanced accuracy or, if there is
    none, recall or the area under the ROC curve, of which chance is 0.5).

    Examples
    --------
    Rows that were copied:

    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> from sksynth.datasets import make_ecg
    >>> from sksynth.evaluation import report
    >>> X, y = make_ecg(120, n_leads=1, random_state=0)
    >>> found = report(X, X[:50], fs=180, random_state=0)
    >>> found.verdict.splitlines()[2]
    'Are training rows copied? Yes: 50 of 50 synthetic rows equal a training row.'
    """
    data = checked_data(
        {"real": X_real, "synthetic": X_synthetic, "held_out": X_held_out},
        {"real": y_real, "synthetic": y_synthetic, "held_out": y_held_out},
    )
    _, n_channels, n_times = data["real"].X.shape
    fs = None if fs is None else check_positive(fs, "fs")
    check_band(band, fs or 1.0, n_times)
    max_rows = check_integer(max_rows, "max_rows", FEWEST_ROWS)
    names = checked_names(channel_names, n_channels)
    n_classes = None if y_real is None else len(np.unique(data["real"].labels))
    utility = (
        None if results is None else judged(results, generator, measure, n_classes)
    )
    rng = as_rng(random_state)
    rows = _compared_rows(data, max_rows // 2, rng)
    with plain_style():
        material = Material(
            data=data,
            rows=rows,
            fs=fs,
            names=names,
            copies=count_copies(data["synthetic"].X, data["real"].X, rng),
            closeness=_closeness(data, rows, max_rows // 2, rng),
            comparison=_comparison(data, rows, fs, band, names, rng),
            utility=utility,
            max_rows=max_rows,
            random_state=random_state,
        )
        sections = sections_of(material, int(rng.randint(2**31)))
    findings = verdict(material)
    tables = {
        name: table for section in sections for name, table in section.tables.items()
    }
    words = "\n".join(map(str, findings))
    return Report(page(str(title), findings, sections), words, tables)


def _compared_rows(data, limit, rng):
    y_real, y_synthetic = data["real"].labels, data["synthetic"].labels
    rows = halves_and_synthetic(y_real, y_synthetic, limit, rng)
    if len(rows) < 2:
        raise ValueError(
            "y_real and y_synthetic share too few rows, two synthetic and four real "
            "ones of the same classes are needed; their classes are "
            f"{np.unique(y_real).tolist()} and {np.unique(y_synthetic).tolist()}"
        )
    return rows


def _scale(data, rows):
    first, second, _ = rows.parts
    return standard_units(data["real"].X[np.concatenate([first, second])])


def _comparison(data, rows, fs, band, names, rng):
    """Synthetic rows and one half of the real ones against the other half."""
    scale = _scale(data, rows)
    first, second, new = rows.parts
    real, synthetic = data["real"].X, data["synthetic"].X
    return compare_rows(
        scale(real[first]),
        scale(real[second]),
        scale(synthetic[new]),
        rows.labels,
        fs=fs or 1.0,
        band=band,
        names=names,
        rng=rng,
    )


def _closeness(data, rows, limit, rng):
    """Measures of memorisation, where there are held-out rows to compare with."""
    if "held_out" not in data:
        return None
    real, synthetic, held_out = data["real"], data["synthetic"], data["held_out"]
    if held_out.y is None:
        labels = [np.zeros(len(signals.X), dtype=int) for signals in (real, held_out)]
        pair = as_many(labels, limit, rng)
    else:
        classes = np.unique(synthetic.labels).tolist()
        pair = as_many((real.labels, held_out.labels), limit, rng, classes)
    if len(pair) < FEWEST_ROWS:
        raise ValueError(
            f"y_held_out shares {len(pair)} rows with the classes of y_synthetic; "
            f"at least {FEWEST_ROWS} are needed"
        )
    train, unseen = pair.parts
    drawn = np.arange(len(synthetic.X))
    if held_out.y is not None:  # only where training and held-out rows are searched
        drawn = np.flatnonzero(np.isin(synthetic.labels, real.labels[train]))
    drawn = rng.permutation(drawn)[:limit]
    scale = _scale(data, rows)
    return memorisation(
        scale(synthetic.X[drawn]), scale(real.X[train]), scale(held_out.X[unseen])
    )
