import numpy as np
import pandas as pd
import pytest
from imblearn.over_sampling import SMOTE

from sksynth import VAE, FlatSampler, GeneratorAugmenter, GeneratorOverSampler

SIGNALS = np.random.default_rng(0).normal(size=(24, 2, 4))
LABELS = np.repeat(["N", "S", "V"], [14, 6, 4])
TINY = VAE(latent_dim=2, hidden_dim=4, n_layers=1, max_epochs=1)
each_sampler = pytest.mark.parametrize(
    "sampler",
    [
        GeneratorOverSampler(TINY, random_state=0),
        GeneratorAugmenter(TINY, random_state=0),
        FlatSampler(SMOTE(k_neighbors=2, random_state=0)),
    ],
    ids=lambda sampler: type(sampler).__name__,
)


FOUR = (LABELS[:, None] == np.array(["N", "Q", "S", "V"])).astype(np.float32)


@each_sampler
@pytest.mark.parametrize(
    "y",
    [FOUR, FOUR.astype(bool), FOUR.astype(int).tolist(), pd.DataFrame(FOUR)],
    ids=["float32", "bool", "list", "frame"],
)
def test_one_hot_targets_keep_their_columns_and_dtype(sampler, y):
    _, y_new = sampler.fit_resample(SIGNALS, y)
    assert type(y_new) is type(y)
    before, after = np.asarray(y), np.asarray(y_new)
    assert after.dtype == before.dtype
    assert after.shape[1] == 4
    assert (after.sum(axis=1) == 1).all()
    assert not after[:, 1].any()  # the class that is absent
    np.testing.assert_array_equal(after[: len(before)], before)
    assert len(after) > len(before)


@each_sampler
def test_whole_numbers_and_bools_of_a_frame_are_rounded(sampler):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "year": 2000 + rng.integers(0, 20, size=len(LABELS)),
            "beats": pd.array(rng.integers(50, 90, size=len(LABELS)), dtype="Int64"),
            "leads": np.full(len(LABELS), 255, dtype=np.uint8),
            "male": rng.random(len(LABELS)) < 0.5,
            "weight": rng.normal(size=len(LABELS)),
        }
    )
    X_new, _ = sampler.fit_resample(X, LABELS)
    assert (X_new.dtypes == X.dtypes).all()
    pd.testing.assert_frame_equal(X_new[: len(X)], X)
    plain, _ = sampler.fit_resample(X.to_numpy(dtype=float), LABELS)
    assert len(plain) > len(X)
    np.testing.assert_array_equal(X_new["year"], np.rint(plain[:, 0]))
    np.testing.assert_array_equal(X_new["beats"], np.rint(plain[:, 1]))
    np.testing.assert_array_equal(X_new["leads"], np.clip(np.rint(plain[:, 2]), 0, 255))
    np.testing.assert_array_equal(X_new["male"], plain[:, 3] >= 0.5)
    np.testing.assert_array_equal(X_new["weight"], plain[:, 4])
