import numpy as np
import pytest

from sksynth.evaluation._memorisation import (
    AUC,
    COPIES,
    RATIO,
    UNSEEN,
    expected_fraction,
    memorisation,
)

RNG = np.random.default_rng(0)
TRAIN, HELD_OUT, OTHERS = RNG.normal(size=(3, 120, 1, 6))


def test_rows_next_to_training_rows_are_near_to_these_alone():
    found = memorisation(TRAIN + 1e-3, TRAIN, HELD_OUT)
    assert found.value(COPIES) == 1
    assert found.value(UNSEEN) < 0.05
    assert found.value(AUC) == 1
    assert found.value(RATIO) < 0.01
    np.testing.assert_allclose(found.to_train, 1e-3)
    assert (found.n_rows, found.n_synthetic) == (120, 120)


def test_rows_next_to_held_out_rows_are_the_reverse():
    found = memorisation(HELD_OUT + 1e-3, TRAIN, HELD_OUT)
    assert found.value(UNSEEN) == 1
    assert found.value(COPIES) < 0.05
    assert found.value(AUC) == 0
    np.testing.assert_allclose(found.to_held_out, 1e-3)


def test_further_rows_and_unseen_real_rows_are_near_to_neither():
    found = memorisation(OTHERS, TRAIN, HELD_OUT)
    for column in ("synthetic", "real, unseen"):
        assert found.value(AUC, column) == pytest.approx(0.5, abs=0.15)
        assert found.value(RATIO, column) == pytest.approx(1, abs=0.2)
        assert found.value(COPIES, column) < 0.06
    assert found.value(COPIES, "expected") == expected_fraction(120) == 0.01


def test_few_held_out_rows_make_the_expected_share_larger():
    assert expected_fraction(9) == 0.1
    found = memorisation(TRAIN[:9], TRAIN[:9], TRAIN[:9])
    assert np.isnan(found.value(RATIO))  # 0 / 0
