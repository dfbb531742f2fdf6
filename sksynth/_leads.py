"""The limb leads of an electrocardiogram: two of the six fix the others."""

import numpy as np

from sksynth._arrays import blocks

# lead -> its weights of leads I and II (Einthoven, Goldberger)
IDENTITIES = {
    "III": (-1.0, 1.0),
    "aVR": (-0.5, -0.5),
    "aVL": (1.0, -0.5),
    "aVF": (-0.5, 1.0),
}


class LimbLeads:
    """Which channels are limb leads that I and II fix.

    Parameters
    ----------
    lead_names : sequence of str
        Name of each channel, in any order and case.
    n_channels : int
        Number of channels.

    Attributes
    ----------
    derived : dict
        Name of each lead that I and II fix -> its channel.
    kept : list of int
        The other channels.
    """

    def __init__(self, lead_names, n_channels):
        where = _positions(lead_names, n_channels)
        self.derived = {
            name: where[name.upper()] for name in IDENTITIES if name.upper() in where
        }
        if not self.derived or not {"I", "II"} <= where.keys():
            raise ValueError(
                "lead_names must hold I, II and at least one of III, aVR, aVL and aVF; "
                f"got {list(lead_names)}"
            )
        self.first, self.second = where["I"], where["II"]
        taken = set(self.derived.values())
        self.kept = [channel for channel in range(n_channels) if channel not in taken]

    def derive(self, X):
        """Yield the name of each derived lead, its channel, and what I and II make."""
        for name, channel in self.derived.items():
            a, b = IDENTITIES[name]
            yield name, channel, a * X[:, self.first] + b * X[:, self.second]

    def errors(self, X):
        """Root mean square of lead minus what I and II make, by name of the lead."""
        squares = dict.fromkeys(self.derived, 0.0)
        for block in blocks(X):
            leads = block.astype(np.float64)
            for name, channel, lead in self.derive(leads):
                squares[name] += np.square(leads[:, channel] - lead).sum()
        n_numbers = X.shape[0] * X.shape[2]
        return {name: float(np.sqrt(s / n_numbers)) for name, s in squares.items()}

    def complete(self, signals):
        """All channels, from the kept ones (n_samples, len(kept), n_times)."""
        n_channels = len(self.kept) + len(self.derived)
        X = np.empty((len(signals), n_channels, signals.shape[2]), signals.dtype)
        X[:, self.kept] = signals
        for _, channel, lead in self.derive(X):
            X[:, channel] = lead
        return X


def _positions(lead_names, n_channels):
    """Upper-case name of each lead -> its channel."""
    if isinstance(lead_names, str) or not np.iterable(lead_names):
        raise TypeError(f"lead_names must be a sequence of str; got {lead_names!r}")
    names = list(lead_names)
    if not all(isinstance(name, str) for name in names):
        raise TypeError(f"lead_names must hold str; got {names}")
    if len(names) != n_channels:
        raise ValueError(
            f"lead_names must name each of the {n_channels} channels of X; got "
            f"{len(names)} names: {names}"
        )
    where = {name.strip().upper(): channel for channel, name in enumerate(names)}
    if len(where) < len(names):
        raise ValueError(f"lead_names must hold each name once; got {names}")
    return where
