"""Saving a fitted generator to a file, and loading it."""

import itertools
import threading
from contextlib import contextmanager

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted
from torch.nn.modules.module import register_module_parameter_registration_hook

from sksynth._storage import DAMAGE, read_model, write_model


def _is_fitted_name(cls, name):
    return name.endswith("_") and not name.startswith("_") and not hasattr(cls, name)


@contextmanager
def _at_most(n_weights):
    """End the making of a network that would have more weights.

    A file may ask for a billion layers, which take all memory without any weights.
    """
    count, owner = itertools.count(1), threading.get_ident()

    def refuse(module, name, parameter):
        if threading.get_ident() == owner and next(count) > n_weights:
            raise ValueError(f"its parameters ask for more than {n_weights} weights")

    handle = register_module_parameter_registration_hook(refuse)
    try:
        yield
    finally:
        handle.remove()


class SavedModelMixin:
    """``save`` and ``load`` of estimators with a ``network_``.

    A subclass has ``_make_network``, ``_signal_shape``, and ``_helpers``: fitted
    attributes that are objects, and their classes.
    """

    def save(self, path):
        """Write the fitted generator to one file that holds no code.

        The file is in the safetensors format: weights as tensors, parameters as JSON in
        its header. Callbacks and a ``RandomState`` instance are not saved; of the other
        parameters a path comes back as text and a DataFrame as an array.

        Parameters
        ----------
        path : str or Path
            File to write; an old file is replaced once the new one is complete.
        """
        check_is_fitted(self, "container_")
        parameters = self.get_params(deep=False)
        parameters["callbacks"] = None
        if isinstance(self.random_state, np.random.RandomState):
            parameters["random_state"] = None
        fitted = {
            name: vars(value) if name in self._helpers else value
            for name, value in vars(self).items()
            if name.endswith("_") and name != "network_"
        }
        columns = fitted["container_"]["columns"]
        if columns is not None:
            fitted["container_"] = {**fitted["container_"], "columns": list(columns)}
        header = {
            "class": type(self).__name__,
            "parameters": parameters,
            "fitted": fitted,
        }
        weights = self.network_.state_dict()
        network = self._empty_network()
        try:
            network.load_state_dict(weights, assign=True)
            if repr(network) != repr(self.network_):  # of the same shapes
                raise RuntimeError(f"another network: {network}")
        except RuntimeError as error:
            raise ValueError(
                f"parameters were changed after fit, the weights no longer fit: {error}"
            ) from None
        write_model(path, header, weights)

    @classmethod
    def load(cls, path):
        """Read a generator that ``save`` wrote; runs no code of the file.

        Parameters
        ----------
        path : str or Path
            File to read.

        Returns
        -------
        generator : object
            The fitted generator, its weights on the CPU.

        Raises
        ------
        ValueError
            If the file is truncated, foreign, of a newer format, or of another class.
        """
        header, weights = read_model(path)
        if header.get("class") != cls.__name__:
            raise ValueError(
                f"{path} holds a {header.get('class')!r}; this is {cls.__name__!r}.load"
            )
        try:
            generator = cls(**header["parameters"])
            generator._validate_params()
            fitted = header["fitted"]
            for name, kind in cls._helpers.items():
                helper = kind.__new__(kind)
                vars(helper).update({key: fitted[name][key] for key in kind.attributes})
                fitted[name] = helper
            for name in ("input_shape_", "history_"):
                fitted[name]  # a KeyError if it is missing
            known = {k: v for k, v in fitted.items() if _is_fitted_name(cls, k)}
            vars(generator).update(known)
            generator.conditions_.check()
            n_channels = generator._signal_shape[0]
            scaler = generator.scaler_
            if not scaler.offset.shape == scaler.scale.shape == (n_channels, 1):
                raise ValueError(f"{n_channels} channels need as many offsets, scales")
            with _at_most(2 * len(weights)):
                network = generator._empty_network()
            dtypes = {name: w.dtype for name, w in network.state_dict().items()}
            network.load_state_dict(weights, assign=True)
            if dtypes != {name: w.dtype for name, w in weights.items()}:
                raise ValueError(f"the weights must have the dtypes {dtypes}")
        except (*DAMAGE, IndexError, RuntimeError) as error:
            raise ValueError(f"{path} has a damaged content: {error}") from error
        generator.network_ = network.requires_grad_(False).eval()
        return generator

    def _empty_network(self):
        """Network without memory for its weights, to compare shapes or take others."""
        with torch.device("meta"):
            n_conditions = self.conditions_.rows.shape[1]
            return self._make_network(self._signal_shape, n_conditions)
