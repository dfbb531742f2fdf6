"""Draws in blocks, and in parts for several workers."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from sksynth import VAE
from sksynth._drawing import Drawing
from tests.test_conventions import GENERATORS, TINY, TINY_DIFFUSION, TINY_VQVAE

RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 2, 40)).astype(np.float32)
Y = np.repeat(["af", "sinus"], 12)
N = 80  # a block of random numbers and a part of the second


@pytest.fixture(scope="module", params=GENERATORS, ids=lambda g: type(g).__name__)
def fitted(request):
    generator = clone(request.param).set_params(batch_size=30, precision="float32")
    return generator.fit(X, Y)


@pytest.fixture(scope="module")
def vae():
    return clone(TINY).set_params(batch_size=7).fit(X, Y)


def ways_to_ask(generator):
    yield {}
    yield {"y": "af"}
    yield {"y": np.tile(["sinus", "af"], N // 2)}
    if "anchors" in type(generator).sample.__kwdefaults__:
        yield {"y": "af", "anchors": X[:12], "strength": 0.5}
        yield {"anchors": X, "anchors_y": Y, "strength": 0.0}
    if "n_times" in type(generator).sample.__kwdefaults__:
        yield {"n_times": 90}


@pytest.mark.parametrize("ends", [[0, N], [0, 59, 64, 64, N]], ids=["one", "four"])
def test_workers_make_the_whole_draw_to_the_bit_however_many_they_are(fitted, ends):
    for options in ways_to_ask(fitted):
        whole = fitted.sample(N, **options, random_state=3)
        blocks = [
            block
            for start, stop in zip(ends[:-1], ends[1:], strict=True)
            for block in fitted.iter_samples(
                N, **options, random_state=3, start=start, stop=stop, block_size=55
            )
        ]
        if len(ends) == 2:
            assert [len(block) for block in blocks] == [55, 25]
        np.testing.assert_array_equal(np.concatenate(blocks), whole)


def test_a_block_is_a_batch_unless_it_is_said(vae):
    assert [len(block) for block in vae.iter_samples(16)] == [7, 7, 2]
    assert [len(block) for block in vae.iter_samples(16, start=5, stop=13)] == [7, 1]


def test_the_first_row_alone_is_made_where_no_more_is_taken(monkeypatch, vae):
    rows = []
    make = vae._sample
    monkeypatch.setattr(
        vae, "_sample", lambda c, *args: rows.append(len(c)) or make(c, *args)
    )
    next(vae.iter_samples(10**5, random_state=0))
    assert rows == [7]
    list(vae.iter_samples(10**5, random_state=0, start=7 * 100, stop=7 * 102))
    assert rows == [7, 7, 7]


def test_blocks_come_in_the_container_of_the_training_signals():
    frame = pd.DataFrame(X[:, 0, :8]).add_prefix("t")
    generator = clone(TINY).fit(frame)
    blocks = list(generator.iter_samples(50, random_state=0, block_size=20))
    whole = generator.sample(50, random_state=0)
    pd.testing.assert_frame_equal(pd.concat(blocks), whole)
    rows = clone(TINY).fit(X[:, 0].tolist()).iter_samples(3, block_size=2)
    assert [type(block) for block in rows] == [list, list]


def test_an_instance_of_randomstate_moves_at_the_call(vae):
    rng = np.random.RandomState(0)
    first = vae.iter_samples(5, random_state=rng)
    second = vae.sample(5, random_state=rng)
    rng = np.random.RandomState(0)
    np.testing.assert_array_equal(next(first), vae.sample(5, random_state=rng))
    np.testing.assert_array_equal(second, vae.sample(5, random_state=rng))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"y": "vt"}, ValueError, "labels seen by fit"),
        ({"y": ["af"] * 3}, ValueError, "y must have shape"),
        ({"strength": 0.5}, ValueError, "go together"),
        ({"block_size": 0}, ValueError, "block_size must be at least 1; got 0"),
        ({"block_size": 2.5}, TypeError, "block_size"),
        ({"start": -1}, ValueError, "start must be at least 0 .*got -1"),
        ({"start": 11}, ValueError, "start must be .*got 11"),
        ({"start": 5, "stop": 4}, ValueError, "stop must be .*got 4"),
        ({"stop": 11}, ValueError, "stop must be .*got 11"),
    ],
)
def test_wrong_arguments_are_refused_at_the_call(vae, options, error, message):
    with pytest.raises(error, match=message):
        vae.iter_samples(10, **options)


@pytest.mark.parametrize(
    ("generator", "wrong"),
    [
        (TINY_DIFFUSION, {"n_steps": 10**6, "sampler": "ddim"}),
        (TINY_VQVAE, {"choice_temperature": (1.0, 2.0, 3.0)}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_wrong_parameters_are_refused_at_the_call(generator, wrong):
    generator = clone(generator).fit(X).set_params(**wrong)
    with pytest.raises(ValueError, match=next(iter(wrong))):
        generator.iter_samples(3)


def test_before_fit_there_are_no_blocks():
    with pytest.raises(NotFittedError):
        VAE().iter_samples(3)


def test_between_blocks_the_caller_can_train(vae):
    for block in vae.iter_samples(14, random_state=0):
        weight = torch.ones(1, requires_grad=True)
        (weight * torch.tensor(block).sum()).backward()
        assert not torch.is_inference_mode_enabled()


def test_a_block_is_the_callers_to_change(vae):
    blocks = vae.iter_samples(14, random_state=0)
    next(blocks)[:] = 0
    np.testing.assert_array_equal(next(blocks), vae.sample(14, random_state=0)[7:])


def test_progress_is_that_of_the_whole(capsys):
    draw = Drawing(4, 2, lambda rows: np.empty((2, 1)), lambda X, start: X, verbose=1)
    list(draw.blocks())
    assert capsys.readouterr().out == "sampled 2 of 4\nsampled 4 of 4\n"
