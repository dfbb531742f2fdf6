import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from imblearn.pipeline import make_pipeline
from sklearn import config_context
from sklearn.base import clone
from skorch.callbacks import Callback

import sksynth
from sksynth import (
    VAE,
    CNN1DClassifier,
    GeneratorAugmenter,
    GeneratorOverSampler,
    MerGen,
)
from sksynth.generators import _mergen_training
from sksynth.generators._segments import segments_of
from sksynth.metrics import local_metrics
from sksynth.nn.vocoder import MelGAN
from sksynth.training import EarlyStopping
from tests.generators.diffusion_cases import forbid_training

RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 2, 150)) * RNG.uniform(1, 5, size=(24, 1, 1)) + 3.0
PADDED = np.pad(X, ((0, 0), (0, 0), (0, 2)), mode="symmetric")  # to 19 windows
Y = np.repeat(["in", "out"], 12)
CONTEXT = pd.DataFrame({"mm": RNG.normal(size=24), "kind": np.tile(["a", "b", "c"], 8)})


def tiny(**parameters):
    sizes = {"n_codes": 8, "code_dim": 2, "width": 4, "n_blocks": 1, "n_mels": 2}
    mel = {"n_fft": 8, "upsampling": (2,), "discriminator_width": 1}
    prior = {"prior_width": 8, "encoder_layers": 1, "decoder_layers": 1, "n_heads": 2}
    epochs = {"max_epochs": 1, "prior_epochs": 1, "vocoder_epochs": 1}
    vocoder = {"vocoder_width": 4, "vocoder_input": "real", "n_refine": 0}
    return MerGen(
        **{**sizes, **mel, **prior, **epochs, **vocoder, "random_state": 0} | parameters
    )


@pytest.fixture(scope="module")
def fitted():
    return tiny().fit(X, Y, context=CONTEXT)


@pytest.fixture
def generator(fitted):
    return copy.deepcopy(fitted)


@pytest.mark.parametrize("joining", ["continue", "parallel"])
@pytest.mark.parametrize("n_times", [None, 1, 149, 151, 700])
def test_recordings_of_any_length_are_drawn(generator, n_times, joining):
    generator.set_params(joining=joining)
    X_new = generator.sample(3, y="in", n_times=n_times, random_state=0)
    assert X_new.shape == (3, 2, n_times or 150)
    assert X_new.dtype == X.dtype
    assert np.isfinite(X_new).all()


def test_a_shorter_recording_is_the_beginning_of_one_of_as_many_windows(generator):
    whole = generator.sample(2, n_times=152, random_state=0)
    for n_times in (9, 150, 151):
        part = generator.sample(2, n_times=n_times, random_state=0)
        np.testing.assert_array_equal(part, whole[..., :n_times])


@pytest.mark.parametrize("inverter", ["melgan", "griffin-lim"])
@pytest.mark.parametrize("n_times", [1, 2, 7, 64])
def test_short_recordings_of_any_number_of_channels_work(n_times, inverter):
    for n_channels in (1, 3):
        short = RNG.normal(size=(4, n_channels, n_times))
        found = tiny(inverter=inverter).fit(short).sample(2, random_state=0)
        assert found.shape == (2, n_channels, n_times)
        assert np.isfinite(found).all()


def test_a_row_depends_neither_on_the_others_nor_on_the_batch(generator):
    for inverter, n_refine, tolerance in (
        ("melgan", 0, 1e-4),
        ("melgan", 2, 1e-1),
        ("griffin-lim", 0, 1e-2),
    ):
        generator.set_params(inverter=inverter, n_refine=n_refine)
        for options in ({}, {"n_times": 400}, {"local": "none"}):
            many = generator.sample(7, random_state=0, **options)
            few = generator.set_params(batch_size=2).sample(
                5, random_state=0, **options
            )
            generator.set_params(batch_size=16)
            # steps of Griffin-Lim amplify rounding; signals have a deviation of 3
            np.testing.assert_allclose(few, many[:5], atol=tolerance)


def test_vocoder_and_griffin_lim_and_the_refined_vocoder_differ(generator):
    melgan = generator.sample(2, random_state=0)
    refined = generator.set_params(n_refine=3).sample(2, random_state=0)
    other = generator.set_params(inverter="griffin-lim").sample(2, random_state=0)
    for a, b in ((melgan, refined), (melgan, other), (refined, other)):
        assert np.abs(a - b).max() > 1e-3


def test_tokens_are_those_of_the_levels_and_come_back(generator):
    tokens = generator.encode(X)
    assert tokens.shape == (24, sum(generator.n_tokens_))
    assert generator.n_tokens_ == (19, 38, 76)  # windows of 8 samples
    again = generator.decode(tokens)
    assert again.shape == X.shape
    np.testing.assert_array_equal(generator.decode(tokens), again)
    few = generator.set_params(batch_size=5).encode(X)
    np.testing.assert_array_equal(few, tokens)


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (np.zeros((2, 5), int), "133 columns; got 5"),
        (np.full((2, 133), 8), "from 0 to 7"),
        (np.zeros((2, 133)), "integers; got float64"),
    ],
)
def test_foreign_tokens_are_refused(fitted, tokens, message):
    with pytest.raises(ValueError, match=message):
        fitted.decode(tokens)


def asked(generator, n_samples=24, n_windows=19, **conditions):
    """Condition matrices that ``sample`` would use."""
    seeds = generator._start_sampling(n_samples, 0)
    conditions = {"y": None, "context": None, "local": None, **conditions}
    matrix = generator._asked(n_samples, n_windows=n_windows, seeds=seeds, **conditions)
    return matrix(slice(0, n_samples))


def test_what_is_asked_is_in_the_condition_matrix(fitted):
    local = local_metrics(PADDED, fs=24_000, window=8)
    matrix = asked(fitted, y=Y, context=CONTEXT, local=local)
    assert matrix.shape == (24, 19, 2 + 1 + 3 + 2 * 5 + 1)
    np.testing.assert_array_equal(matrix[:, 4, 0], Y == "in")
    mm = CONTEXT["mm"].to_numpy()
    np.testing.assert_allclose(matrix[:, 7, 2], (mm - mm.mean()) / mm.std(), rtol=1e-5)
    np.testing.assert_array_equal(matrix[:, 0, 4], CONTEXT["kind"] == "b")
    own = fitted.lenders_.training_matrix()
    np.testing.assert_allclose(matrix[:, :18], own[:, :18], atol=1e-4)
    without = asked(fitted, y=Y, context=CONTEXT, local="none")
    np.testing.assert_array_equal(without[:, :, 6:], 0)
    np.testing.assert_array_equal(without[:, :, :6], matrix[:, :, :6])


def test_a_training_row_of_the_same_label_lends_what_is_not_asked(fitted):
    own = fitted.lenders_.training_matrix()
    for conditions in ({}, {"y": "out"}):
        matrix = asked(fitted, 50, **conditions)
        lender = [np.flatnonzero((own == row).all(axis=(1, 2))) for row in matrix]
        assert all(len(rows) for rows in lender)
        assert len(np.unique(np.concatenate(lender))) > 8
    assert (matrix[:, :, 1] == 1).all()


def test_the_lender_has_a_context_near_the_one_that_is_asked(fitted):
    own = fitted.lenders_.training_matrix()
    matrix = asked(fitted, 30, y="in", context=[[0.3, "a"]] * 30)
    rows = [
        np.flatnonzero((own[:, :, 6:] == row[:, 6:]).all(axis=(1, 2)))[0]
        for row in matrix
    ]
    gap = np.abs(own[:, 0, 2:6] - matrix[0, 0, 2:6])
    order = np.argsort(np.square(gap[Y == "in"]).sum(axis=1))
    assert set(rows) <= set(np.flatnonzero(Y == "in")[order[:5]])


def test_rows_of_another_label_never_lend():
    y = np.array(["in"] * 22 + ["rare"] * 2)
    generator = tiny().fit(X, y)
    own = generator.lenders_.training_matrix()
    matrix = asked(generator, 30, y="rare")
    for row in matrix:
        assert (own[22:, :, 2:] == row[:, 2:]).all(axis=(1, 2)).any()


def test_measurements_are_lent_by_the_five_nearest():
    y = np.linspace(0, 1, 24)
    generator = tiny().fit(X, y)
    own = generator.lenders_.training_matrix()
    for asked_y in (y[10], 0.44):
        matrix = asked(generator, 60, y=np.full(60, asked_y))
        rows = {
            int(np.flatnonzero((own[:, :, 1:] == row[:, 1:]).all(axis=(1, 2)))[0])
            for row in matrix
        }
        assert rows == set(np.argsort(np.abs(y - asked_y))[:5])


def test_known_labels_in_a_new_combination_borrow_from_the_nearest_rows():
    y = np.stack([Y, np.tile(["a", "b"], 12)], axis=1)
    y[:12, 1] = "a"
    generator = tiny().fit(X, y)
    assert generator.sample(2, y=["in", "b"], random_state=0).shape == (2, *X.shape[1:])
    lenders = generator.lenders_.lenders(
        *(generator.conditions_.encode(["in", "b"], 40), None),
        *(np.random.default_rng(0).uniform(size=(40, 1)), True),
    )
    assert len(np.unique(lenders)) > 5
    alike = (y[lenders[:, 0]] == ["in", "b"]).any(axis=1)
    assert alike.all()


def test_a_column_of_booleans_takes_no_other_numbers(fitted):
    generator = tiny().fit(X, context=Y == "in")
    for one in ([True], [1], [1.0]):
        expected = asked(generator, 1, context=[True])
        np.testing.assert_array_equal(asked(generator, 1, context=one), expected)
    for other in (0.9, 257, "True", np.nan):
        with pytest.raises(ValueError, match="context must be False or True here; got"):
            generator.sample(1, context=[other])


def test_one_row_of_context_is_for_all(fitted):
    expected = asked(fitted, 3, y="in", context=[[0.3, "a"]] * 3)
    for one in ([0.3, "a"], [[0.3, "a"]], CONTEXT[:1].assign(mm=0.3, kind="a")):
        np.testing.assert_array_equal(asked(fitted, 3, y="in", context=one), expected)


def test_labels_of_digits_are_still_labels():
    context = np.array(["1", "2", "x"] * 8)
    generator = tiny().fit(X, context=context)
    assert generator.sample(2, context=["1", "2"]).shape == (2, 2, 150)


def test_fewer_metrics_than_windows_go_on(fitted):
    local = np.random.default_rng(0).uniform(size=(24, 2, 5, 19))
    local[..., 10:] = local[..., 10:11]
    np.testing.assert_array_equal(
        asked(fitted, local=local[..., :11]), asked(fitted, local=local)
    )


def test_longer_recordings_borrow_metrics_of_several_rows(fitted):
    own = fitted.lenders_.training_matrix()
    matrix = asked(fitted, 20, n_windows=40, y="in")
    _, (_, n, *_) = segments_of(40, 19, "continue")
    found = [
        {
            int(np.flatnonzero((own[:, first:, 6:] == part).all(axis=(1, 2)))[0])
            for first, part in ((0, row[:19, 6:]), (n, row[19 : 38 - n, 6:]))
        }
        for row in matrix
    ]
    assert all(rows <= set(range(12)) for rows in found)
    assert any(len(rows) == 2 for rows in found)
    loud = fitted.lenders_.local[:, :, 0].mean(axis=1)  # of the first channel
    steps = [np.ptp(loud[list(rows)]) for rows in found]
    assert np.mean(steps) < 0.5 * np.abs(loud[:12, None] - loud[:12]).mean()


@pytest.mark.parametrize(
    ("conditioning", "zero"),
    [("global", np.arange(6, 17)), ("local", np.arange(6))],
)
def test_an_ablation_takes_its_part_away(conditioning, zero):
    generator = tiny(conditioning=conditioning).fit(X, Y, context=CONTEXT)
    for matrix in (
        asked(generator, y=Y, context=CONTEXT),
        generator.lenders_.training_matrix(),
    ):
        assert (matrix[:, :, zero] == 0).all()
        assert np.delete(matrix, zero, axis=2).any()


def test_clusters_tell_loud_rows_from_quiet_ones_and_are_a_condition():
    loud = X.copy()
    loud[::2] *= 100
    generator = tiny(n_clusters=2).fit(loud)
    assert (
        len(set(generator.clusters_[::2])) == len(set(generator.clusters_[1::2])) == 1
    )
    assert generator.clusters_[0] != generator.clusters_[1]
    matrix = generator.lenders_.training_matrix()
    np.testing.assert_array_equal(matrix[:, 3, 0], generator.clusters_ == 0)
    assert generator.sample(2).shape == (2, 2, 150)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"y": "up"}, "labels seen by fit are"),
        ({"context": [0.3]}, "context must have 2 columns; got 1"),
        ({"context": [[0.3, "z"]]}, r"context has \['z'\]"),
        ({"context": [["z", "a"]]}, "context must be numbers"),
        ({"context": pd.DataFrame({"a": [1.0], "b": ["a"]})}, "columns"),
        ({"context": [[np.nan, "a"]]}, "NaN"),
        ({"local": "some"}, "array, None or"),
        ({"local": np.zeros((1, 2, 5, 20))}, "n_windows at most 19; got"),
        ({"local": np.zeros((1, 2, 4, 19))}, r"shape \(1, 2, 5\)"),
        ({"local": np.full((1, 2, 5, 19), np.inf)}, "infinity"),
        ({"local": np.ma.masked_array(np.ones((1, 2, 5, 19)), True)}, "190 masked"),
        ({"context": np.ma.masked_array([[1.0, 2.0]], [[0, 1]])}, "1 masked"),
        ({"n_times": 0}, "n_times"),
    ],
)
def test_conditions_that_do_not_fit_are_refused(fitted, options, message):
    with pytest.raises(ValueError, match=message):
        fitted.sample(1, **options)


def test_conditions_that_were_not_learnt_are_refused():
    generator = tiny(local_dropout=0.0).fit(X)
    for options, message in (
        ({"y": 1}, "fitted without y"),
        ({"context": 3.0}, "fitted without"),
        ({"local": "none"}, "local_dropout above 0"),
    ):
        with pytest.raises(ValueError, match=message):
            generator.sample(1, **options)
    generator.set_params(local_dropout=0.5)  # it is the fit that counts
    with pytest.raises(ValueError, match="local_dropout above 0"):
        generator.sample(1, local="none")


def test_the_vocoder_sees_the_conditions_of_samples_and_none_of_tokens(
    generator, monkeypatch
):
    seen, vocode = [], MelGAN.vocode

    def note(network, bands, features=None):
        seen.append(features)
        return vocode(network, bands, features)

    monkeypatch.setattr(MelGAN, "vocode", note)
    generator.sample(24, y=Y, context=CONTEXT, random_state=0)
    found = torch.cat(seen).numpy()
    np.testing.assert_array_equal(found[:, 4, 0], Y == "in")
    assert found.shape == (24, 19, 2 + 1 + 3 + 2 * 5 + 1)
    assert (found[:, :, -1] == 1).all()  # metrics are known
    seen.clear()
    generator.decode(generator.encode(X))
    assert set(seen) == {None}
    assert generator.network_["vocoder"].conditions.n_features == 2 * 5 + 1
    without = tiny(vocoder_conditions=False).fit(X, Y)
    assert without.network_["vocoder"].conditions is None
    assert np.isfinite(without.sample(3, random_state=0)).all()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"upsampling": (1, 2)}, r"from 2; got \(1, 2\)"),
        ({"upsampling": ()}, "upsampling must be integers"),
        ({"upsampling": (3,)}, "hop must be even"),
        ({"n_fft": 9}, "n_fft must be even"),
        ({"prior_width": 9}, "multiple of n_heads; got 9 and 2"),
        ({"decoder_layers": (1, 2, 3)}, "decoder_layers must be"),
        ({"prior_epochs": (1, 0)}, "prior_epochs must be"),
        ({"vocoder_weights": (1.0,)}, "four numbers"),
        ({"vocoder_weights": (1.0, -1.0, 0.0, 0.0)}, "four numbers from 0"),
        ({"vocoder_weights": (1.0, np.nan, 0.0, 0.0)}, "four numbers from 0"),
        ({"vocoder_weights": (1.0, np.inf, 0.0, 0.0)}, "four numbers from 0"),
        ({"vocoder_weights": (1.0, True, 0.0, 0.0)}, "must be numbers; got"),
        (
            {"vocoder_weights": (0, 0, 0, 0), "discriminator_width": None},
            "above 0; got",
        ),
        ({"stages": ("vqvae", "melgan")}, r"got \['melgan'\]"),
        ({"n_clusters": 25}, "needs as many rows; got 24"),
        ({"fs": 1000}, "fs / 2 = 500 Hz"),
        ({"n_mels": 300}, "too many"),
    ],
)
def test_parameters_that_do_not_fit_are_refused_before_training(
    parameters, message, monkeypatch
):
    forbid_training(monkeypatch)
    with pytest.raises(ValueError, match=message):
        tiny(**parameters).fit(X, Y)


def test_wrong_context_is_refused_before_training(monkeypatch):
    forbid_training(monkeypatch)
    for context, message in (
        (np.zeros(23), "24 rows; got"),
        (np.full(24, np.nan), "NaN"),
        (np.zeros((24, 2, 2)), "shape"),
    ):
        with pytest.raises(ValueError, match=message):
            tiny().fit(X, Y, context=context)


def test_stages_one_at_a_time_give_what_all_at_once_give(tmp_path):
    whole = tiny().fit(X, Y)
    folder = tmp_path / "stages"
    for stages in (("vqvae",), ("vocoder", "top"), ("bottom",)):
        part = tiny(stages=stages, checkpoint=folder).fit(X, Y)
    assert part.stages_ == whole.stages_ == ("vqvae", "top", "bottom", "vocoder")
    assert part.history_ == whole.history_
    np.testing.assert_array_equal(
        part.sample(3, random_state=0), whole.sample(3, random_state=0)
    )
    files = [path.name.split("-")[0] for path in folder.iterdir()]
    assert sorted(files) == sorted(part.stages_)


def test_a_fit_that_was_ended_goes_on_after_its_finished_stages(tmp_path, monkeypatch):
    trained = []
    train = MerGen._train_stage

    def stop_at_bottom(self, stage, *arguments):
        if stage == "bottom" and "bottom" not in trained:
            trained.append(stage)
            raise KeyboardInterrupt
        trained.append(stage)
        return train(self, stage, *arguments)

    monkeypatch.setattr(MerGen, "_train_stage", stop_at_bottom)
    generator = tiny(checkpoint=tmp_path)
    with pytest.raises(KeyboardInterrupt):
        generator.fit(X, Y)
    assert not hasattr(generator, "network_")
    generator.fit(X, Y)
    assert trained == ["vqvae", "top", "bottom", "bottom", "vocoder"]
    np.testing.assert_array_equal(
        generator.sample(2, random_state=0), tiny().fit(X, Y).sample(2, random_state=0)
    )


def note_only(trained):
    """In place of ``_train_stage``; the network changes a little, as in a training."""

    def train(self, stage, network, *arguments):
        trained.append(stage)
        next(network[stage].parameters()).data += 1
        return {}

    return train


@pytest.mark.parametrize(
    ("parameters", "again"),
    [
        ({}, []),
        ({"vocoder_epochs": 2}, ["vocoder"]),
        ({"vocoder_weights": (0.0, 1.0, 1.0, 2.0)}, ["vocoder"]),
        ({"vocoder_conditions": False}, ["vocoder"]),
        ({"prior_epochs": (1, 2)}, ["bottom"]),
        ({"vocoder_lr": 1e-4}, ["vocoder"]),
        ({"max_epochs": 2}, ["vqvae", "top", "bottom"]),
        ({"lr": 1e-4}, ["vqvae", "top", "bottom"]),
        ({"width": 5}, ["vqvae", "top", "bottom"]),
        ({"conditioning": "global"}, ["vqvae", "top", "bottom", "vocoder"]),
        ({"vocoder_input": "decoded"}, ["vocoder"]),
        ({"random_state": 1}, ["vqvae", "top", "bottom", "vocoder"]),
        ({"dropout": 0.2}, ["top", "bottom"]),
        ({"n_codes": 9}, ["vqvae", "top", "bottom"]),
        ({"condition_weight": 2.0}, ["vqvae", "top", "bottom"]),
        ({"local_dropout": 0.5}, ["top", "vocoder"]),
        ({"verbose": 1, "top_p": 0.5}, []),
        ({"callbacks": [EarlyStopping(patience=6)]}, []),
        (
            {"callbacks": [EarlyStopping(patience=7)]},
            ["vqvae", "top", "bottom", "vocoder"],
        ),
    ],
)
def test_a_stage_is_trained_again_where_its_parameters_changed(
    parameters, again, tmp_path, monkeypatch
):
    first = (
        {"callbacks": [EarlyStopping(patience=6)]} if "callbacks" in parameters else {}
    )
    tiny(checkpoint=tmp_path, **first).fit(X, Y)
    trained = []
    monkeypatch.setattr(MerGen, "_train_stage", note_only(trained))
    monkeypatch.setattr(MerGen, "_note", lambda *a: None)
    tiny(checkpoint=tmp_path, **parameters).fit(X, Y)
    assert trained == again


def test_stages_are_kept_for_callbacks_that_can_be_compared(tmp_path):
    with open(tmp_path / "log", "w") as file:
        for sink in (lambda text: None, file.write):
            callbacks = [EarlyStopping(sink=sink)]
            with pytest.raises(ValueError, match="callbacks that can be pickled; got"):
                tiny(checkpoint=tmp_path, callbacks=callbacks).fit(X, Y)


class Noting(Callback):
    """Notes what it sees."""

    def on_epoch_end(self, net, **kwargs):
        self.seen_ = net.history[-1, "train_loss"]


def test_what_a_callback_noted_trains_no_stage_again(tmp_path, monkeypatch):
    callback = Noting()
    tiny(checkpoint=tmp_path, callbacks=[callback]).fit(X, Y)
    assert callback.seen_
    forbid_training(monkeypatch)
    tiny(checkpoint=tmp_path, callbacks=[callback]).fit(X, Y)


def test_a_vocoder_of_decoded_spectrograms_depends_on_the_auto_encoder(
    tmp_path, monkeypatch
):
    parameters = {"checkpoint": tmp_path, "vocoder_input": "decoded"}
    tiny(**parameters).fit(X, Y)
    trained = []
    monkeypatch.setattr(MerGen, "_train_stage", note_only(trained))
    monkeypatch.setattr(MerGen, "_note", lambda *a: None)
    tiny(**parameters, lr=1e-4).fit(X, Y)
    assert trained == ["vqvae", "top", "bottom", "vocoder"]
    with pytest.raises(ValueError, match="'vocoder' needs .*vqvae"):
        tiny(stages=("vocoder",), vocoder_input="decoded").fit(X)


def test_other_data_are_not_taken_for_those_of_the_checkpoint(tmp_path, monkeypatch):
    tiny(checkpoint=tmp_path).fit(X, Y, context=CONTEXT)
    forbid_training(monkeypatch)
    tiny(checkpoint=tmp_path).fit(X, Y, context=CONTEXT)
    for other in (
        ((X + 1e-3, Y), CONTEXT),
        ((X, Y[::-1]), CONTEXT),
        ((X, Y), CONTEXT[::-1]),
    ):
        with pytest.raises(RuntimeError, match="it trained"):
            tiny(checkpoint=tmp_path).fit(*other[0], context=other[1])


def test_retrained_stages_do_not_meet_those_of_other_weights(tmp_path, monkeypatch):
    fresh = {"checkpoint": tmp_path, "random_state": None}
    first = tiny(**fresh, stages=("vqvae",)).fit(X)
    again = tiny(**fresh).fit(X)
    np.testing.assert_array_equal(first.encode(X), again.encode(X))
    for path in tmp_path.glob("vqvae*"):
        path.unlink()
    trained = []
    train = MerGen._train_stage

    def note(self, stage, *arguments):
        trained.append(stage)
        return train(self, stage, *arguments)

    monkeypatch.setattr(MerGen, "_train_stage", note)
    tiny(**fresh).fit(X)
    assert trained == ["vqvae", "top", "bottom"]


def test_a_stage_needs_those_before_it():
    with pytest.raises(ValueError, match="stage 'top' needs .*vqvae"):
        tiny(stages=("top",)).fit(X)
    generator = tiny(stages=("vqvae", "top", "bottom")).fit(X)
    with pytest.raises(ValueError, match="'vocoder'.* not trained"):
        generator.sample(1)
    assert generator.set_params(inverter="griffin-lim").sample(1).shape == (1, 2, 150)
    with pytest.raises(ValueError, match=r"\['top', 'bottom', 'vocoder'\] are not"):
        tiny(stages=("vqvae",)).fit(X).sample(1)


def test_a_vocoder_is_trained_with_and_without_discriminators():
    against = set(tiny().fit(X).history_)
    alone = set(tiny(discriminator_width=None).fit(X).history_)
    assert "train_vocoder_stft" in alone
    assert against - alone == {
        f"train_vocoder_{name}" for name in ("generator", "discriminator", "features")
    }


def test_griffin_lim_trains_no_vocoder():
    assert tiny(inverter="griffin-lim").fit(X).stages_ == ("vqvae", "top", "bottom")


def test_it_is_saved_pickled_and_copied_with_its_conditions(generator, tmp_path):
    generator.save(tmp_path / "mergen")
    options = {"y": "in", "context": [[0.1, "b"]] * 3, "random_state": 0}
    expected = generator.sample(3, **options)
    for again in (
        MerGen.load(tmp_path / "mergen"),
        sksynth.load(tmp_path / "mergen"),
        pickle.loads(pickle.dumps(generator)),
    ):
        np.testing.assert_array_equal(again.sample(3, **options), expected)
        np.testing.assert_array_equal(again.encode(X), generator.encode(X))


def test_each_stage_has_its_losses(fitted):
    names = set(fitted.history_)
    assert {"train_loss", "train_mel", "train_condition", "train_top_usage"} <= names
    assert {"train_top_loss", "train_bottom_loss", "train_bottom_level0"} <= names
    assert {"train_vocoder_loss", "train_vocoder_mel"} <= names
    assert fitted.n_iter_ == len(fitted.history_["train_loss"]) == 1


def test_epochs_of_all_stages_make_the_default_updates():
    generator = tiny(max_epochs=None, prior_epochs=None, vocoder_epochs=None)
    updates = _mergen_training.N_UPDATES
    for stage, n in updates.items():
        n_batches = -(-24 // (4 if stage == "vocoder" else 16))
        if stage == "vocoder":
            n = _mergen_training.N_UPDATES_AGAINST
        assert generator._epochs(stage, 24) == -(-n // n_batches)
    generator.set_params(discriminator_width=None)
    assert generator._epochs("vocoder", 24) == -(-updates["vocoder"] // 6)
    assert generator._n_subtasks() is None
    assert tiny(prior_epochs=(2, 3))._n_subtasks() == 1 + 2 + 3 + 1


IMBALANCED = np.repeat(["in", "out"], [18, 6])
SAMPLERS = [
    GeneratorOverSampler(tiny(), random_state=0),
    GeneratorAugmenter(tiny(), ratio=0.5, random_state=0),
]


@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda s: type(s).__name__)
def test_context_goes_through_a_sampler_to_the_generator(sampler):
    sampler = clone(sampler)
    X_new, y_new = sampler.fit_resample(X, IMBALANCED, context=CONTEXT)
    assert X_new.shape == (36, 2, 150)
    (generator,) = sampler.generators_
    alone = tiny(random_state=generator.random_state).fit(
        X, IMBALANCED, context=CONTEXT
    )
    np.testing.assert_array_equal(
        generator.sample(2, random_state=0), alone.sample(2, random_state=0)
    )


def test_each_class_has_its_own_context(monkeypatch):
    seen = []
    monkeypatch.setattr(
        MerGen, "fit", lambda self, X, y=None, *, context: seen.append(context) or self
    )
    monkeypatch.setattr(MerGen, "sample", lambda self, n, *, random_state: X[:n])
    sampler = GeneratorOverSampler(tiny(), per_class=True)
    sampler.fit_resample(X, IMBALANCED, context=CONTEXT)
    pd.testing.assert_frame_equal(seen[0], CONTEXT[18:])


def test_context_has_a_part_in_the_key_of_the_cache(tmp_path):
    sampler = GeneratorOverSampler(tiny(), memory=tmp_path, random_state=0)
    for context in (CONTEXT, CONTEXT[::-1], CONTEXT, None):
        sampler.fit_resample(X, IMBALANCED, context=context)
    assert len(list(tmp_path.rglob("*.joblib"))) == 3


def test_context_comes_through_a_pipeline():
    pipeline = make_pipeline(clone(SAMPLERS[0]), CNN1DClassifier(max_epochs=1))
    with config_context(enable_metadata_routing=True):
        pipeline[0].set_fit_resample_request(context=True)
        pipeline.fit(X, IMBALANCED, context=CONTEXT)
    assert pipeline[0].generators_[0].context_.names == ["mm", "kind"]


def test_a_sampler_refuses_context_that_its_generator_does_not_take():
    with pytest.raises(TypeError, match="VAE.fit has no argument context"):
        GeneratorOverSampler(VAE()).fit_resample(X, IMBALANCED, context=CONTEXT)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        SAMPLERS[0].fit_resample(X, IMBALANCED, context=CONTEXT[:5])


def test_the_metrics_are_those_of_the_signals_in_their_unit(fitted):
    metrics = local_metrics(PADDED, fs=24_000, window=8)
    expected = fitted.local_.transform(metrics)
    np.testing.assert_allclose(fitted.lenders_.local, expected, atol=1e-3)
    np.testing.assert_allclose(expected.std(axis=(0, 1)), 1, rtol=1e-3)


@pytest.mark.gpu
@pytest.mark.parametrize("inverter", ["melgan", "griffin-lim"])
def test_it_trains_and_samples_on_cuda(inverter):
    generator = tiny(device="cuda", inverter=inverter).fit(X, Y, context=CONTEXT)
    assert next(generator.network_.parameters()).is_cuda
    for n_times in (150, 700):
        X_new = generator.sample(3, y="in", n_times=n_times, random_state=0)
        assert np.isfinite(X_new).all()
    on_cpu = copy.deepcopy(generator).set_params(device="cpu")
    assert (generator.encode(X) == on_cpu.encode(X)).mean() > 0.99
