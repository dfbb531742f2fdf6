"""Stages of a training that are kept in files, so that a fit can go on with them."""

from pathlib import Path

from sksynth._storage import read_model, write_model


class Checkpoint:
    """Folder with the weights and the losses of finished stages.

    A file counts if it was written by a fit of the same data and parameters: its name
    has the key that says so.

    Parameters
    ----------
    folder : str, Path or None
        Made if need be. None keeps nothing.
    """

    def __init__(self, folder):
        self.folder = None if folder is None else Path(folder)
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)

    def load(self, stage, key, network):
        """Losses of a finished stage, its weights put into ``network``; else None."""
        path = self._path(stage, key)
        if path is None or not path.exists():
            return None
        header, weights = read_model(path)
        try:
            network.load_state_dict(weights)
            return header["curves"]
        except (RuntimeError, KeyError) as error:
            raise ValueError(
                f"{path} holds no finished {stage}; delete the file to train the stage "
                f"again: {error}"
            ) from None

    def save(self, stage, key, network, curves):
        """Keep a finished stage; the file appears complete or not at all."""
        path = self._path(stage, key)
        if path is not None:
            header = {"stage": stage, "curves": curves}
            write_model(path, header, network.state_dict())

    def _path(self, stage, key):
        if self.folder is None:
            return None
        return self.folder / f"{stage}-{key}.safetensors"
