import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from imblearn.pipeline import make_pipeline
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

import sksynth
from sksynth import DiffWave, GeneratorOverSampler, TimeDiffusion
from sksynth.base import BaseGenerator
from sksynth.over_sampling import _models
from sksynth.training import EarlyStopping
from tests.generators.diffusion_cases import (
    LABELS,
    SIGNALS,
    SMALL,
    awake,
    calls_of,
    each_kind,
    forbid_training,
    tiny,
)

SPREAD = SIGNALS.std(axis=(0, 2))[:, None]


@each_kind
@pytest.mark.parametrize("n_channels", [1, 24])
@pytest.mark.parametrize("n_times", [1, 2, 7])
def test_short_signals_of_few_and_many_channels_work(kind, n_channels, n_times):
    X = np.random.default_rng(0).normal(size=(9, n_channels, n_times))
    y = np.repeat(["one", "two", "six"], [1, 2, 6])
    generator = awake(tiny(kind).fit(X, y))
    for label in ("one", "two", "six"):
        options = {"y": label, "anchors": X[y == label], "strength": 0.5}
        for X_new in (generator.sample(3, y=label), generator.sample(3, **options)):
            assert X_new.shape == (3, n_channels, n_times)
            assert X_new.dtype == np.float64
            assert np.isfinite(X_new).all()
            assert len(np.unique(X_new, axis=0)) == 3


@pytest.mark.parametrize("cls", [DiffWave, TimeDiffusion])
@pytest.mark.parametrize("shape", [(3, 1), (2, 2, 7)])
def test_the_default_network_takes_short_signals(cls, shape):
    X = np.random.default_rng(0).normal(size=shape)
    X_new = cls(max_epochs=1, n_steps=1, random_state=0).fit(X).sample(2)
    assert X_new.shape == (2, *shape[1:])
    assert np.isfinite(X_new).all()


@each_kind
def test_samples_come_in_the_form_of_the_training_signals(X, kind):
    y = np.tile(["af", "sinus"], 20)
    generator = tiny(kind).fit(X, y)
    for options in ({}, {"anchors": X, "anchors_y": y, "strength": 0.5}):
        X_new = generator.sample(4, y="af", random_state=0, **options)
        assert type(X_new) is type(X)
        assert X_new.shape == (4, *X.shape[1:])
        assert np.asarray(X_new).dtype == np.float32
        if isinstance(X, pd.DataFrame):
            assert list(X_new.columns) == list(X.columns)


@each_kind
@pytest.mark.parametrize("constant", [0.0, -7.0])
def test_a_constant_channel_does_not_disturb_the_others(kind, constant):
    X = SIGNALS.copy()
    X[:, 0] = constant
    X_new = awake(tiny(kind, max_epochs=3).fit(X, LABELS)).sample(50, random_state=0)
    assert np.isfinite(X_new).all()
    assert X_new[:, 1].std() > 0.1 * X[:, 1].std()


@each_kind
@pytest.mark.parametrize("scaler", ["standard", "maxabs", None])
@pytest.mark.parametrize("constant", [0.0, 3.0])
def test_constant_signals_are_no_obstacle(kind, scaler, constant):
    X = np.full((5, 2, 7), constant)
    generator = awake(tiny(kind, scaler=scaler).fit(X))
    assert np.isfinite(generator.sample(3)).all()
    anchored = generator.sample(3, anchors=X, strength=0)
    np.testing.assert_allclose(anchored, X[:3], atol=1e-6)


WRONG = [
    ({"n_steps": 51, "schedule": "diffwave", "sampler": "ddim"}, "most the 50 levels"),
    ({"n_steps": 2000, "sampler": "ancestral"}, "most the 1000 levels .* got 2000"),
    ({"prediction": "noise", "schedule": "cosine"}, "prediction='v' or 'clean'"),
    ({"prediction": "noise", "schedule": "time-diffusion"}, "ends at noise alone"),
    ({"guidance": 2.0, "label_dropout": 0.0}, "label_dropout=0 did not train"),
    ({"guidance": -1.0}, "The 'guidance' parameter"),
    ({"sampler": "euler"}, "The 'sampler' parameter"),
    ({"n_steps": 0}, "The 'n_steps' parameter"),
    ({"schedule": "quadratic"}, "The 'schedule' parameter"),
    ({"prediction": "score"}, "The 'prediction' parameter"),
    ({"min_snr": 0}, "The 'min_snr' parameter"),
    ({"label_dropout": 1.0}, "The 'label_dropout' parameter"),
    ({"max_epochs": 0}, "The 'max_epochs' parameter"),
]


@each_kind
@pytest.mark.parametrize(("parameters", "message"), WRONG)
def test_what_cannot_work_is_refused_before_training(
    monkeypatch, kind, parameters, message
):
    forbid_training(monkeypatch)
    generator = tiny(kind, **parameters)
    before = vars(generator).copy()
    with pytest.raises(ValueError, match=message):
        generator.fit(SIGNALS, LABELS)
    assert vars(generator) == before


@each_kind
@pytest.mark.parametrize(("parameters", "message"), WRONG[:2] + WRONG[4:8])
def test_what_cannot_work_is_refused_after_training_too(kind, parameters, message):
    own = {"schedule": "lognormal", "label_dropout": 0.1, **parameters}
    sampling = {n: own.pop(n) for n in ("guidance", "sampler", "n_steps") if n in own}
    generator = tiny(kind, **own).fit(SIGNALS, LABELS)
    with pytest.raises(ValueError, match=message):
        generator.set_params(**sampling).sample()


def test_a_sampler_refuses_what_cannot_work_before_training(monkeypatch):
    forbid_training(monkeypatch)
    for parameters, message in WRONG:
        sampler = GeneratorOverSampler(tiny(**parameters), random_state=0)
        with pytest.raises(ValueError, match=message):
            sampler.fit_resample(SIGNALS, LABELS)


@each_kind
def test_more_steps_than_levels_are_fine_where_steps_lie_between_levels(kind):
    generator = tiny(kind, schedule="diffwave", n_steps=60).fit(SIGNALS)
    calls = calls_of(generator)
    assert np.isfinite(generator.sample(2)).all()
    assert len(calls) == 60


@pytest.mark.parametrize(("batch_size", "per_epoch"), [(16, 3), (64, 1), (1, 40)])
def test_without_max_epochs_a_number_of_updates_is_made(
    monkeypatch, batch_size, per_epoch
):
    monkeypatch.setattr(TimeDiffusion, "_n_updates", 7)
    updates = []
    monkeypatch.setattr(
        "sksynth.training.net.LossNet.on_batch_end",
        lambda net, *args, training, **kwargs: updates.append(training),
    )
    generator = tiny(max_epochs=None, batch_size=batch_size).fit(SIGNALS, LABELS)
    n_epochs = -(-7 // per_epoch)
    assert generator.n_iter_ == len(generator.history_["train_loss"]) == n_epochs
    assert len(updates) == n_epochs * per_epoch
    assert generator.get_params()["max_epochs"] is None


@each_kind
@pytest.mark.parametrize("max_epochs", [None, 40])
def test_early_stopping_stops_a_fit_and_records_the_held_out_losses(
    monkeypatch, kind, max_epochs
):
    monkeypatch.setattr(SMALL[kind][0], "_n_updates", 40)
    stop = EarlyStopping(patience=2, threshold=0.5)
    generator = tiny(kind, max_epochs=max_epochs, callbacks=[stop])
    generator.fit(SIGNALS, LABELS)
    assert generator.n_iter_ < 40
    assert len(generator.history_["valid_loss"]) == generator.n_iter_
    assert np.isfinite(generator.sample(3)).all()


def test_progress_is_printed_where_asked(capsys):
    generator = tiny(max_epochs=3).fit(SIGNALS)
    generator.sample(3)
    assert capsys.readouterr().out == ""
    generator = tiny(max_epochs=3, verbose=2, batch_size=16).fit(SIGNALS)
    printed = capsys.readouterr().out
    assert printed.count("loss") == 3
    generator.sample(20)
    assert capsys.readouterr().out == "sampled 16 of 20\nsampled 20 of 20\n"


@each_kind
@pytest.mark.parametrize(
    ("parameter", "value"), [("guidance", 3.0), ("sampler", "heun"), ("n_steps", 7)]
)
def test_a_sampling_parameter_may_change_after_fit(kind, parameter, value):
    generator = awake(tiny(kind).fit(SIGNALS, LABELS))
    before = generator.sample(5, random_state=0)
    changed = generator.set_params(**{parameter: value}).sample(5, random_state=0)
    assert not np.allclose(changed / SPREAD, before / SPREAD, atol=1e-3)
    fresh = awake(tiny(kind, **{parameter: value}).fit(SIGNALS, LABELS))
    np.testing.assert_array_equal(fresh.sample(5, random_state=0), changed)


@each_kind
@pytest.mark.parametrize("names", [None, ("I", "III", "II")])
def test_a_saved_copy_and_a_pickle_sample_the_same(tmp_path, kind, names):
    X, y = SIGNALS, LABELS
    if names:
        X = np.stack([X[:, 0], X[:, 1] - X[:, 0], X[:, 1]], axis=1)
    own = {"widths": (8, 4)} if kind == "unet" else {}
    generator = tiny(
        kind, lead_names=names, guidance=2.0, sampler="ancestral", **own
    ).fit(X, y)
    awake(generator).save(tmp_path / "model")
    for again in (
        sksynth.load(tmp_path / "model"),
        pickle.loads(pickle.dumps(generator)),
        copy.deepcopy(generator),
    ):
        assert type(again) is type(generator)
        assert again.get_params() == generator.get_params()
        for options in ({}, {"anchors": X, "anchors_y": y, "strength": 0.5}):
            expected = generator.sample(5, y="af", random_state=0, **options)
            X_new = again.sample(5, y="af", random_state=0, **options)
            np.testing.assert_array_equal(X_new, expected)


@each_kind
def test_bf16_samples_are_close_to_those_of_float32(kind):
    generator = awake(tiny(kind, precision="float32").fit(SIGNALS, LABELS))
    expected = generator.sample(20, random_state=0)
    X_new = generator.set_params(precision="bf16").sample(20, random_state=0)
    assert X_new.dtype == np.float32
    gap = np.abs(X_new - expected) / SPREAD
    assert 0 < gap.max() < 1
    assert gap.mean() < 0.03
    assert np.isfinite(tiny(kind, precision="bf16").fit(SIGNALS).sample(3)).all()


def test_a_grid_over_sampling_parameters_trains_once_a_fold(tmp_path, monkeypatch):
    fits = []
    fit = _models._fit_generator
    monkeypatch.setattr(
        _models, "_fit_generator", lambda *args: awake(fits.append(0) or fit(*args))
    )
    X, y = SIGNALS.reshape(40, -1) / 20, LABELS
    grid = {
        "generatoroversampler__generator__guidance": [1.0, 9.0],
        "generatoroversampler__generator__n_steps": [1, 8],
    }
    scores = {}
    for memory in (None, str(tmp_path)):
        fits.clear()
        sampler = GeneratorOverSampler(tiny(), memory=memory, random_state=0)
        pipeline = make_pipeline(sampler, LogisticRegression(max_iter=2000))
        search = GridSearchCV(
            pipeline, grid, cv=3, refit=False, scoring="neg_log_loss"
        ).fit(X, y)
        scores[memory] = search.cv_results_["mean_test_score"]
        assert len(fits) == (12 if memory is None else 3)
    found = scores[str(tmp_path)]
    assert len(np.unique(found)) == 4
    np.testing.assert_array_equal(found, scores[None])


def test_a_fitted_generator_in_a_sampler_is_not_trained_again(monkeypatch):
    generator = awake(tiny(guidance=2.0).fit(SIGNALS, LABELS))
    forbid_training(monkeypatch)
    for strength in (None, 0.5):
        sampler = GeneratorOverSampler(
            FrozenEstimator(generator), strength=strength, random_state=0
        )
        X_new, y_new = sampler.fit_resample(SIGNALS, LABELS)
        assert X_new.shape == (50, 2, 10)
        assert (y_new == "af").sum() == 25
        assert np.isfinite(X_new).all()


def test_each_parameter_has_a_constraint():
    for cls in (DiffWave, TimeDiffusion):
        assert cls._parameter_constraints.keys() == cls().get_params().keys()
        assert BaseGenerator._parameter_constraints.keys() < cls().get_params().keys()


@pytest.mark.gpu
@each_kind
@pytest.mark.parametrize("sampler", ["dpm-solver", "ancestral"])
def test_a_seed_gives_the_same_samples_on_each_device(kind, sampler):
    generator = tiny(kind, device="cuda", sampler=sampler, guidance=2.0)
    generator.fit(SIGNALS, LABELS)
    assert next(generator.network_.parameters()).is_cuda
    generator.network_.cpu()
    X_new = awake(generator).sample(20, random_state=0)
    assert next(generator.network_.parameters()).is_cuda
    expected = generator.set_params(device="cpu").sample(20, random_state=0)
    gap = np.abs(X_new - expected) / SPREAD  # convolutions on CUDA are in TF32
    assert gap.max() < 0.05
    assert gap.mean() < 0.005
