"""Tokens of real signals."""

import os
from pathlib import Path

import numpy as np
import pytest

import sksynth
from sksynth import TimeVQVAE
from sksynth.datasets import load_mitbih, load_ptbxl

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
DATA = Path(os.environ.get("SKSYNTH_DATA", DATA))
needs = {
    name: pytest.mark.skipif(
        not (DATA / name).is_dir(), reason=f"no folder {DATA / name}: set SKSYNTH_DATA"
    )
    for name in ("ptb-xl", "mitdb")
}


@needs["ptb-xl"]
def test_12_leads_train_sample_and_save(tmp_path):
    records = load_ptbxl(DATA / "ptb-xl", target="multilabel")  # all 300
    sizes = {"width": 16, "n_blocks": 1, "prior_width": 16, "prior_layers": 1}
    generator = TimeVQVAE(**sizes, max_epochs=1, prior_epochs=1, random_state=0)
    generator.fit(records.data, records.target)
    assert generator.n_tokens_ == (32, 126)
    drawn = generator.sample(4, random_state=0)
    assert drawn.shape == (4, 12, 1000)
    assert np.isfinite(drawn).all()
    generator.save(tmp_path / "ecg.safetensors")
    again = sksynth.load(tmp_path / "ecg.safetensors")
    np.testing.assert_array_equal(again.sample(4, random_state=0), drawn)


@needs["mitdb"]
def test_codebooks_are_used_and_hold_the_beats():
    beats = load_mitbih(DATA / "mitdb", ["106", "119", "208"], fs=180, n_times=128)
    rows = np.random.RandomState(0).permutation(len(beats.data))
    X, X_other = beats.data[rows[:640]], beats.data[rows[640:840]]
    generator = TimeVQVAE(max_epochs=16, prior_epochs=1, random_state=0).fit(X)
    for band in ("low", "high"):
        assert generator.history_[f"train_tokens_{band}_usage"][-1] > 0.3
    error = generator.decode(generator.encode(X_other)) - X_other
    assert np.square(error).mean() < 0.15 * X_other.var(axis=(0, 2)).mean()
