import copy
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sksynth._random import RowNoise
from sksynth.diffusion.samplers import SAMPLERS
from tests.generators.diffusion_cases import (
    LABELS,
    SIGNALS,
    SMALL,
    awake,
    calls_of,
    each_kind,
    tiny,
)

SPREAD = SIGNALS.std(axis=(0, 2))[:, None]
ANCHORED = {"y": LABELS, "anchors": SIGNALS, "anchors_y": LABELS, "random_state": 0}
each_sampler = pytest.mark.parametrize("sampler", SAMPLERS)


@pytest.fixture(scope="module")
def fitted():
    return {kind: awake(tiny(kind).fit(SIGNALS, LABELS)) for kind in SMALL}


@pytest.fixture
def unet(fitted):
    return copy.deepcopy(fitted["unet"])


@each_kind
@each_sampler
def test_strength_1_is_the_pure_sample(fitted, kind, sampler):
    generator = copy.deepcopy(fitted[kind]).set_params(sampler=sampler)
    pure = generator.sample(40, y=LABELS, random_state=0)
    anchored = generator.sample(40, **ANCHORED, strength=1)
    np.testing.assert_array_equal(anchored, pure)
    nearly = generator.sample(40, **ANCHORED, strength=0.99)
    assert not np.array_equal(nearly, pure)


def interpolation(X, y, seed, n_neighbors):
    """SMOTE by hand, with the random numbers that anchored sampling draws."""
    seeds = RowNoise.seeds(seed, len(y))
    uniform = RowNoise(seeds, slice(0, len(y)), "anchor").uniform(3).numpy()
    scaled = ((X - X.mean(axis=(0, 2), keepdims=True)) / SPREAD).reshape(len(X), -1)
    rows = []
    for label, (anchor, neighbor, weight) in zip(y, uniform, strict=True):
        members = np.flatnonzero(LABELS == label)
        first = members[int(anchor * len(members))]
        gaps = np.linalg.norm(scaled[members] - scaled[first], axis=1)
        nearest = members[np.argsort(gaps)[1 : n_neighbors + 1]]
        second = nearest[int(neighbor * n_neighbors)]
        rows.append(X[first] + weight * (X[second] - X[first]))
    return np.stack(rows)


@each_kind
@pytest.mark.parametrize("scaler", ["standard", None])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_strength_0_is_smote_and_needs_no_network(kind, scaler, dtype):
    X = SIGNALS.astype(dtype)
    if scaler is None:
        X = X / SPREAD.astype(dtype)
    generator = tiny(kind, scaler=scaler).fit(X, LABELS)
    calls = calls_of(generator)
    options = {**ANCHORED, "anchors": X, "n_neighbors": 3}
    X_new = generator.sample(40, **options, strength=0)
    assert calls == []
    assert X_new.dtype == dtype
    expected = interpolation(SIGNALS.astype(float), LABELS, 0, 3)
    if scaler is None:
        expected = expected / SPREAD
    scale = np.abs(X).max(axis=(0, 2))[:, None]
    np.testing.assert_allclose(X_new / scale, expected / scale, atol=2e-6)


@each_kind
@pytest.mark.parametrize("sampler", ["dpm-solver", "ancestral"])
def test_the_distance_to_the_anchors_grows_with_strength(fitted, kind, sampler):
    generator = copy.deepcopy(fitted[kind]).set_params(sampler=sampler, n_steps=10)
    X = np.repeat(SIGNALS, 2, axis=0)  # a pair of equal rows: no interpolation
    y = np.repeat(LABELS, 2)
    options = {"anchors": X, "anchors_y": y, "n_neighbors": 1, "random_state": 0}
    means = []
    for strength in (0, 0.2, 0.4, 0.6, 0.8, 1):
        X_new = generator.sample(150, y="af", strength=strength, **options)
        gaps = np.linalg.norm((X_new[:, None] - SIGNALS) / SPREAD, axis=(2, 3))
        means.append(gaps.min(axis=1).mean())
    assert means[0] < 1e-5
    assert (np.diff(means) > 0).all()


@each_sampler
@pytest.mark.parametrize("strength", [0.01, 0.1, 0.3, 0.55, 0.999, 1])
def test_anchored_sampling_costs_the_remaining_steps_alone(unet, sampler, strength):
    unet.set_params(sampler=sampler, n_steps=10)
    calls = calls_of(unet)
    unet.sample(40, **ANCHORED, strength=strength)
    n_left = math.ceil(strength * 10)
    if sampler == "heun":  # the step to level 0 is of first order
        n_left = 2 * n_left - 1
    # along a table, the first step is a part of one if a level lies between
    spare = sampler in ("ddim", "ancestral") and strength < 1
    assert n_left <= len(calls) <= n_left + spare


@pytest.mark.parametrize("strength", [0.1, 0.5])
@each_sampler
def test_small_strengths_stay_near_the_interpolation(unet, sampler, strength):
    unet.set_params(sampler=sampler, n_steps=10)
    start, X_new = (
        unet.sample(40, **ANCHORED, strength=s) / SPREAD for s in (0, strength)
    )
    pure = unet.sample(40, y=LABELS, random_state=0) / SPREAD
    assert 0 < np.abs(X_new - start).mean() < 0.8 * np.abs(pure - start).mean()


@pytest.mark.parametrize("unit", [1e-3, 1e3])
@pytest.mark.parametrize("scaler", ["standard", "maxabs", None])
def test_samples_follow_the_unit_whatever_the_scaler(scaler, unit):
    X = SIGNALS.astype(float) / SPREAD
    anchored = {"anchors": X, "anchors_y": LABELS, "strength": 0.3, "y": LABELS}
    for options in ({}, anchored):
        options["random_state"] = 0
        expected = awake(tiny(scaler=scaler).fit(X, LABELS)).sample(40, **options)
        if options is anchored:
            options["anchors"] = unit * X
        generator = awake(tiny(scaler=scaler).fit(unit * X, LABELS))
        X_new = generator.sample(40, **options)
        np.testing.assert_allclose(X_new / unit, expected, rtol=1e-2, atol=1e-2)


@each_kind
@pytest.mark.parametrize(("guidance", "times"), [(1, 1), (2.0, 2), (0, 2)])
def test_a_step_is_one_call_of_the_network(fitted, kind, guidance, times):
    generator = copy.deepcopy(fitted[kind]).set_params(guidance=guidance, n_steps=5)
    calls = calls_of(generator)
    generator.sample(6, y="af")
    assert calls == [times * 6] * 5


def test_without_labels_guidance_has_nothing_to_compare():
    generator = awake(tiny(guidance=3.0).fit(SIGNALS))
    calls = calls_of(generator)
    X_new = generator.sample(6, random_state=0)
    assert calls == [6] * 3
    expected = generator.set_params(guidance=1.0).sample(6, random_state=0)
    np.testing.assert_array_equal(X_new, expected)


def test_no_call_has_more_rows_than_a_batch_and_its_copy(unet):
    unet.set_params(batch_size=4, guidance=2.0)
    calls = calls_of(unet)
    unet.sample(10, y="af")
    assert calls == [8] * 3 + [8] * 3 + [4] * 3


@each_kind
def test_guidance_extrapolates_from_the_model_without_labels(fitted, kind):
    generator = copy.deepcopy(fitted[kind]).set_params(n_steps=1, sampler="ddim")

    def sample(guidance, y):
        generator.set_params(guidance=guidance)
        return generator.sample(5, y=y, random_state=0) / SPREAD

    without = sample(0, "af")
    np.testing.assert_allclose(sample(0, "sinus"), without, atol=1e-5)
    known = sample(1, "af")
    assert np.abs(known - without).max() > 0.01
    expected = without + 3.5 * (known - without)
    np.testing.assert_allclose(sample(3.5, "af"), expected, atol=1e-4)


@each_kind
@each_sampler
@pytest.mark.parametrize("n_steps", [1, 4, 60])
def test_each_sampler_gives_finite_signals(fitted, kind, sampler, n_steps):
    generator = copy.deepcopy(fitted[kind])
    generator.set_params(sampler=sampler, n_steps=n_steps)
    X_new = generator.sample(3, random_state=0)
    assert X_new.dtype == np.float32
    assert np.isfinite(X_new).all()


@each_sampler
def test_no_number_of_steps_takes_each_level(sampler):
    generator = tiny(sampler=sampler, n_steps=None, schedule="diffwave").fit(SIGNALS)
    calls = calls_of(generator)
    generator.sample(2)
    assert len(calls) == (99 if sampler == "heun" else 50)


@settings(max_examples=20)
@given(
    n_few=st.integers(1, 70),
    batch_size=st.integers(7, 80),
    sampler=st.sampled_from(["dpm-solver", "ancestral"]),
    guidance=st.sampled_from([1.0, 2.0]),
    strength=st.sampled_from([None, 0.5]),
)
def test_a_row_does_not_depend_on_the_rows_drawn_with_it(
    fitted, n_few, batch_size, sampler, guidance, strength
):
    generator = copy.copy(fitted["unet"])
    generator.set_params(sampler=sampler, guidance=guidance, batch_size=1000)
    options = {"y": np.resize(LABELS[::-1], 70), "random_state": 0}
    if strength is not None:
        options |= {"anchors": SIGNALS, "anchors_y": LABELS, "strength": strength}
    expected = generator.sample(70, **options)[:n_few]
    options["y"] = options["y"][:n_few]
    X_new = generator.set_params(batch_size=batch_size).sample(n_few, **options)
    np.testing.assert_allclose(X_new / SPREAD, expected / SPREAD, atol=1e-4)


@pytest.mark.parametrize("sampler", ["dpm-solver", "ancestral"])
def test_a_seed_fixes_the_samples_and_no_global_state_moves(unet, sampler):
    unet.set_params(sampler=sampler)
    numpy_state, torch_state = np.random.get_state()[1].copy(), torch.get_rng_state()
    first, again, free, other = (
        unet.sample(3, random_state=seed) for seed in (0, 0, None, None)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(free, other)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_state)
    assert torch.equal(torch.get_rng_state(), torch_state)


def test_only_the_ancestral_sampler_draws_at_each_step(unet, monkeypatch):
    draws = []
    normal = RowNoise.normal
    monkeypatch.setattr(
        RowNoise, "normal", lambda self, *shape: draws.append(0) or normal(self, *shape)
    )
    n_draws = {}
    for sampler in SAMPLERS:
        draws.clear()
        unet.set_params(sampler=sampler, n_steps=5).sample(2)
        n_draws[sampler] = len(draws)
    assert n_draws == {"dpm-solver": 1, "heun": 1, "ddim": 1, "ancestral": 5}
