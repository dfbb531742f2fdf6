import numpy as np
import pandas as pd
import pytest
from imblearn.over_sampling import ADASYN, SMOTE, RandomOverSampler
from imblearn.pipeline import make_pipeline
from imblearn.under_sampling import RandomUnderSampler

from sksynth import FlatSampler

RNG = np.random.default_rng(0)
SIGNALS = RNG.normal(size=(36, 2, 5)).astype(np.float32)
SIGNALS.flags.writeable = False
LABELS = np.repeat(["N", "V", "S"], [20, 10, 6])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "sampler",
    [
        SMOTE(random_state=0),
        ADASYN(random_state=0),
        RandomOverSampler(random_state=0),
        RandomUnderSampler(random_state=0),
    ],
    ids=lambda sampler: type(sampler).__name__,
)
def test_signals_are_resampled_as_flat_rows(sampler, dtype):
    X = SIGNALS.astype(dtype)
    flat = FlatSampler(sampler)
    X_new, y_new = flat.fit_resample(X, LABELS)
    expected, y_expected = sampler.fit_resample(X.reshape(36, -1), LABELS)
    assert X_new.dtype == dtype
    np.testing.assert_array_equal(X_new, expected.reshape(-1, 2, 5))
    np.testing.assert_array_equal(y_new, y_expected)
    assert flat.sampling_strategy_ == sampler.sampling_strategy_
    assert flat.input_shape_ == (2, 5)
    assert flat.sampler_ is not sampler


def test_the_default_is_smote():
    flat = FlatSampler()
    X_new, y_new = flat.fit_resample(SIGNALS, LABELS)
    assert type(flat.sampler_) is SMOTE
    assert flat.sampler is None
    assert np.unique(y_new, return_counts=True)[1].tolist() == [20] * 3
    np.testing.assert_array_equal(X_new[:36], SIGNALS)


def test_fit_counts_and_does_not_resample():
    flat = FlatSampler(SMOTE(random_state=0)).fit(SIGNALS, LABELS)
    assert flat.sampling_strategy_ == {"V": 10, "S": 14}


def test_the_memory_order_does_not_matter():
    flat = FlatSampler(SMOTE(random_state=0))
    X_new = flat.fit_resample(np.asfortranarray(SIGNALS), LABELS)[0]
    np.testing.assert_array_equal(X_new, flat.fit_resample(SIGNALS, LABELS)[0])


def test_frames_and_one_hot_targets_come_back_as_such():
    X = pd.DataFrame(SIGNALS.reshape(36, -1)).add_prefix("t")
    y = (LABELS[:, None] == np.unique(LABELS)).astype(int)
    X_new, y_new = FlatSampler(SMOTE(random_state=0)).fit_resample(X, y)
    assert list(X_new.columns) == list(X.columns)
    assert y_new.shape == (60, 3)
    assert (y_new.sum(axis=1) == 1).all()


def test_a_failed_call_leaves_the_sampler_as_it_was():
    flat = FlatSampler(SMOTE(k_neighbors=9))  # more than the class has
    before = vars(flat).copy()
    with pytest.raises(ValueError, match="n_neighbors"):
        flat.fit_resample(SIGNALS, LABELS)
    assert vars(flat) == before
    with pytest.raises(ValueError, match="'sampler' parameter of FlatSampler must be"):
        FlatSampler("SMOTE").fit_resample(SIGNALS, LABELS)
    with pytest.raises(ValueError, match=r"must have shape .*got \(36, 2, 5, 1\)"):
        flat.fit_resample(SIGNALS[..., None], LABELS)


def test_it_works_in_a_pipeline_on_signals():
    class LastSample:
        def fit(self, X, y):
            self.n_rows_ = len(X)
            return self

    pipeline = make_pipeline(FlatSampler(SMOTE(random_state=0)), LastSample())
    assert pipeline.fit(SIGNALS, LABELS)[-1].n_rows_ == 60
