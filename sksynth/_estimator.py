"""What all estimators that train a network share."""

import copy
import sys
import warnings
from contextlib import contextmanager
from numbers import Integral, Real

import joblib
import numpy as np
import torch
from sklearn.base import BaseEstimator, clone
from sklearn.utils._param_validation import Interval, StrOptions

from sksynth._arrays import refuse_bools
from sksynth._events import CallbackSupportMixin
from sksynth._shares import are_alike, check_in_step, in_group, is_first
from sksynth._sources import RowSource
from sksynth.training.callbacks import EpochEvents
from sksynth.training.device import PRECISIONS, resolve_device
from sksynth.training.net import LossNet

_INSIDE = ("sksynth.", "sklearn.", "imblearn.", "contextlib")


def _for_hash(data):
    """What equal data have in common in all processes, for a hash.

    Of data that are not in memory these are about 1000 rows.
    """
    source = RowSource.of(data)
    if source is not None:
        return len(source), np.asarray(source.spread())
    return data.numpy(force=True) if isinstance(data, torch.Tensor) else data


def outside():
    """``stacklevel`` of the first caller that is neither of ours nor scikit-learn's."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back and frame.f_globals["__name__"].startswith(_INSIDE):
        level, frame = level + 1, frame.f_back
    return level


class NetworkEstimator(CallbackSupportMixin, BaseEstimator):
    """Parameters of the training, the training itself, and what a pickle holds.

    A subclass keeps its trained network as ``network_``.
    """

    _parameter_constraints: dict = {
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "device": [str],
        "precision": [StrOptions(set(PRECISIONS))],
        "compile": ["boolean"],
        "callbacks": [list, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def _validate_params(self):
        """What scikit-learn checks, and what it lets through and torch does not."""
        super()._validate_params()
        refuse_bools(self)
        for item in self.callbacks or []:
            callback = item[-1] if isinstance(item, tuple) and item else item
            if not hasattr(callback, "on_epoch_end"):
                raise TypeError(
                    "callbacks must hold callbacks of skorch, or tuples of a name and "
                    f"one; got {item!r}"
                )

    def __getstate__(self):
        """Weights on the CPU and callbacks without what they learnt."""
        state = dict(super().__getstate__())
        if "network_" in state:
            state["network_"] = copy.deepcopy(state["network_"]).cpu()
        if state["callbacks"]:
            state["callbacks"] = [clone(c, safe=False) for c in state["callbacks"]]
        return state

    def __sklearn_tags__(self):
        """Signals of two or three dimensions."""
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        tags.input_tags.three_d_array = True
        return tags

    @contextmanager
    def _fit_events(self, X, y):
        """Tell callbacks of scikit-learn (``set_callbacks``) of the fit inside."""
        if not hasattr(self, "_skl_callbacks"):
            yield
            return
        context = self._init_callback_context(max_subtasks=self._n_subtasks())
        context.call_on_fit_task_begin(estimator=self, X=X, y=y)
        yield
        context.call_on_fit_task_end(estimator=self, X=X, y=y)

    def _n_subtasks(self):
        """Epochs of a fit, if they are known before it."""
        return self.max_epochs

    def _check_processes(self, *data):
        """Refuse what processes cannot train together, such as different data."""
        if not in_group():
            return
        check_in_step()
        if self.compile:
            raise ValueError("compile=True cannot be used inside distributed()")
        if not are_alike(int(joblib.hash([_for_hash(x) for x in data])[:15], 16)):
            raise RuntimeError(
                "inside distributed(), all processes need the same X, y and whatever "
                "else fit is given"
            )

    def _announce(self, text):
        """Print a line of progress, if any."""
        if self.verbose and is_first():
            print(text)

    def _train_network(
        self,
        network,
        tensors,
        *,
        callbacks=None,
        max_epochs=None,
        lr=None,
        batch_size=None,
        betas=None,
        kinds=None,
        weights=None,
        valid=None,
    ):
        """Net that trained ``network`` in place; None stands for the own parameter.

        ``tensors`` are named as the arguments of the network's forward. The rest is as
        in :class:`LossNet`.
        """
        callbacks = list((self.callbacks if callbacks is None else callbacks) or [])
        context = getattr(self, "_callback_fit_ctx", None)
        if context is not None:
            callbacks.append(EpochEvents(self, context))
        return LossNet(
            network,
            max_epochs=self.max_epochs if max_epochs is None else max_epochs,
            batch_size=self.batch_size if batch_size is None else batch_size,
            lr=self.lr if lr is None else lr,
            betas=betas,
            device=str(next(iter(tensors.values())).device),
            precision=self.precision,
            compile_module=self.compile,
            callbacks=callbacks,
            kinds=kinds,
            weights=weights,
            valid=valid,
            verbose=self.verbose,
        ).fit(tensors)

    def _network_to_run(self, purpose):
        """Network on the device that ``device`` names, if there is one."""
        try:
            device = resolve_device(self.device)
        except ValueError as error:
            warnings.warn(f"{error}; {purpose} on the CPU", stacklevel=outside())
            device = torch.device("cpu")
        return self.network_.to(device)
