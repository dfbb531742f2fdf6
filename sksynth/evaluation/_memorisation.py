"""Are synthetic rows nearer to training rows than to rows the generator did not see."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from sksynth.metrics import copy_fraction, membership_inference_auc, nearest_match

QUANTILE = 0.01  # of the held-out distances: nearer counts as a copy


@dataclass
class Memorisation:
    """Measures, and the distances behind them."""

    n_rows: int  # training rows, and as many held-out ones
    n_synthetic: int
    table: pd.DataFrame  # (measure, what)
    to_train: np.ndarray  # (n_synthetic,), root mean square, in standard deviations
    to_held_out: np.ndarray

    def value(self, name, column="synthetic"):
        return float(self.table.loc[name, column])


AUC = "AUC of a search for training rows"
COPIES = "share as near as copies to training rows"
UNSEEN = "share as near as copies to held-out rows"
RATIO = "median distance to training / to held-out rows"


def memorisation(synthetic, train, held_out):
    """Measures of signals (n, n_channels, n_times) in standard units.

    As many training as held-out rows. Beside the synthetic rows stands half of the
    held-out ones, which no generator made, against half of either set.
    """
    scores, distances = _scores(synthetic, train, held_out)
    reference, _ = _scores(held_out[0::2], train[1::2], held_out[1::2])
    near = expected_fraction(len(held_out))
    expected = {AUC: 0.5, COPIES: near, UNSEEN: near, RATIO: 1.0}
    table = {"synthetic": scores, "real, unseen": reference, "expected": expected}
    return Memorisation(len(train), len(synthetic), pd.DataFrame(table), *distances)


def expected_fraction(n_held_out):
    """Of rows as near as copies, where nothing was copied."""
    return max(QUANTILE, 1 / (n_held_out + 1))


def _scores(synthetic, train, held_out):
    distances = [nearest_match(synthetic, X)[1] for X in (train, held_out)]
    medians = [np.median(d) for d in distances]
    return {
        AUC: membership_inference_auc(synthetic, train, held_out),
        COPIES: copy_fraction(synthetic, train, held_out, quantile=QUANTILE),
        UNSEEN: copy_fraction(synthetic, held_out, train, quantile=QUANTILE),
        RATIO: medians[0] / medians[1] if medians[1] else np.nan,
    }, distances
