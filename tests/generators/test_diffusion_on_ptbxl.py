"""Diffusion on real 12-lead electrocardiograms."""

import os
from pathlib import Path

import numpy as np
import pytest

import sksynth
from sksynth import DiffWave, TimeDiffusion
from sksynth.datasets import load_ptbxl
from sksynth.metrics import limb_lead_error

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
DATA = Path(os.environ.get("SKSYNTH_DATA", DATA)) / "ptb-xl"
pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason=f"no folder {DATA}: set SKSYNTH_DATA"
)
SMALL = {"max_epochs": 1, "n_steps": 3, "patch_size": 4, "batch_size": 32}


@pytest.fixture(scope="module")
def records():
    return load_ptbxl(DATA, target="multilabel")  # all 300


@pytest.mark.parametrize(
    "generator",
    [
        TimeDiffusion(widths=(16, 24), **SMALL, random_state=0),
        DiffWave(n_layers=3, width=16, **SMALL, random_state=0),
        DiffWave(mixer="s4", n_layers=1, width=8, state_dim=8, **SMALL, random_state=0),
    ],
    ids=["TimeDiffusion", "DiffWave", "DiffWave-s4"],
)
def test_12_leads_train_sample_save_and_keep_their_identities(
    generator, records, tmp_path
):
    generator.set_params(lead_names=records.lead_names).fit(records.data)
    drawn = generator.sample(4, random_state=0)
    assert drawn.shape == (4, 12, 1000)
    assert max(limb_lead_error(drawn, records.lead_names).values()) < 1e-4  # mV
    near = generator.sample(4, anchors=records.data, strength=0.3, random_state=0)
    assert max(limb_lead_error(near, records.lead_names).values()) < 1e-4
    generator.save(tmp_path / "ecg.safetensors")
    again = sksynth.load(tmp_path / "ecg.safetensors")
    np.testing.assert_array_equal(again.sample(4, random_state=0), drawn)
