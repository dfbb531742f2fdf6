import numpy as np
import pytest

from sksynth import VAE

pytest.importorskip("sklearn.callback", reason="scikit-learn before 1.9")
X = np.random.default_rng(0).normal(size=(20, 6))


class Recorder:
    """A callback of scikit-learn that counts events, and stops after some epochs."""

    def __init__(self, stop_after=None):
        self.stop_after = stop_after
        self.events = []

    def setup(self, estimator, context):
        self.events.append("setup")

    def teardown(self, estimator, context):
        self.events.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.events.append(f"begin {context.task_name}")

    def on_fit_task_end(self, estimator, context):
        self.events.append(f"end {context.task_name}")
        return self.events.count("end epoch") == self.stop_after


def test_callbacks_of_scikit_learn_hear_of_each_epoch():
    recorder = Recorder()
    VAE(max_epochs=3, hidden_dim=4).set_callbacks(recorder).fit(X)
    epochs = ["begin epoch", "end epoch"] * 3
    assert recorder.events == ["setup", "begin fit", *epochs, "end fit", "teardown"]


def test_a_callback_of_scikit_learn_can_stop_the_training():
    recorder = Recorder(stop_after=2)
    vae = VAE(max_epochs=9, hidden_dim=4).set_callbacks(recorder).fit(X)
    assert vae.n_iter_ == 2
    assert len(vae.sample(3)) == 3


def test_callbacks_are_torn_down_when_fit_fails():
    recorder = Recorder()
    vae = VAE(hidden_dim=4).set_callbacks(recorder)
    with pytest.raises(ValueError, match="NaN"):
        vae.fit(np.full((5, 3), np.nan))
    assert recorder.events[-1] == "teardown"
    assert not hasattr(vae, "container_")
