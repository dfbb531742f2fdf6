"""Lines of an edited proton spectrum: shifts, couplings, and what editing does to them.

Shifts and couplings are those of V. Govindaraju, K. Young and A. A. Maudsley, NMR
Biomed 13(3):129-153, 2000, with the corrigendum in NMR Biomed 28(7):923-924, 2015; for
GABA those of J. Near et al., Magn Reson Med 70(5):1183-1191, 2013. Couplings to the
two protons of a CH2 are replaced by their mean where it is one group here, and every
coupling is treated as weak: so the multiplets are those in effect at 3 T, not a
simulation of the spins.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import comb

TE = 0.068  # s: 1 / (2 J) for the triplet of GABA
EDIT_ON = 1.9  # ppm
EDIT_OFF = 7.46  # ppm
EDIT_BANDWIDTH = 88.0  # Hz, FWHM of the inversion by a pulse of 14 ms
EDITS = ("ON", "OFF")


class Group(NamedTuple):
    """Equivalent protons and the groups that split their line."""

    shift: float  # ppm
    protons: float
    partners: tuple = ()  # (J in Hz, number of protons, shift in ppm)
    width: float = 0.0  # ppm, FWHM of a Gaussian, beside the width of all lines


class Molecule(NamedTuple):
    concentration: float  # mmol/kg, typical of grey matter
    spread: float  # sd of the logarithm between scans
    t2: float  # s
    groups: tuple


MOLECULES = {
    "NAA": Molecule(
        11.0,
        0.08,
        0.25,
        (
            Group(2.008, 3),
            Group(2.4863, 1, ((9.821, 1, 4.3817), (-15.592, 1, 2.6727))),
            Group(2.6727, 1, ((3.861, 1, 4.3817), (-15.592, 1, 2.4863))),
            Group(4.3817, 1, ((3.861, 1, 2.6727), (9.821, 1, 2.4863))),
        ),
    ),
    "Cr": Molecule(8.0, 0.06, 0.16, (Group(3.027, 3), Group(3.913, 2))),
    "Cho": Molecule(1.6, 0.12, 0.22, (Group(3.208, 9),)),
    # T2 of GABA in vivo: 87 +- 11 ms at 7 T, "In vivo GABA T2 determination with
    # J-refocused echo time extension at 7 T"
    "GABA": Molecule(
        1.6,
        0.0,  # its ratio to Cr is a parameter
        0.088,
        (
            Group(3.013, 2, ((7.51, 2, 1.888),)),
            Group(1.888, 2, ((7.51, 2, 3.013), (7.33, 2, 2.284))),
            Group(2.284, 2, ((7.33, 2, 1.888),)),
        ),
    ),
    "Glu": Molecule(
        8.5,
        0.10,
        0.16,
        (
            Group(3.7433, 1, ((7.331, 1, 2.0375), (4.651, 1, 2.12))),
            Group(2.0375, 1, ((7.331, 1, 3.7433), (7.41, 2, 2.3449))),
            Group(2.12, 1, ((4.651, 1, 3.7433), (7.68, 2, 2.3449))),
            Group(2.3449, 2, ((7.41, 1, 2.0375), (7.68, 1, 2.12))),
        ),
    ),
    "Gln": Molecule(
        2.0,
        0.15,
        0.16,
        (
            Group(3.753, 1, ((5.847, 1, 2.129), (6.5, 1, 2.109))),
            Group(2.119, 2, ((6.17, 1, 3.753), (7.76, 2, 2.443))),
            Group(2.443, 2, ((7.76, 2, 2.119),)),
        ),
    ),
    "mI": Molecule(
        6.5,
        0.10,
        0.18,
        (
            Group(3.5217, 2, ((2.95, 1, 4.0538), (10.0, 1, 3.6144))),
            Group(3.6144, 2, ((10.0, 1, 3.5217), (9.48, 1, 3.269))),
            Group(3.269, 1, ((9.48, 2, 3.6144),)),
            Group(4.0538, 1, ((2.95, 2, 3.5217),)),
        ),
    ),
    "Lac": Molecule(
        0.6,
        0.25,
        0.24,
        (
            Group(1.3142, 3, ((6.933, 1, 4.0974),)),
            Group(4.0974, 1, ((6.933, 3, 1.31),)),
        ),
    ),
    # Macromolecules by the shifts that name them: Cudalbu et al., NMR Biomed
    # 34(5):e4393, 2021; sizes and widths are rough. The group at 2.99 is coupled to the
    # one at 1.7, which the editing pulse reaches too.
    "MM": Molecule(
        1.0,
        0.10,
        0.035,
        (
            Group(0.92, 30, width=0.13),
            Group(1.21, 20, width=0.14),
            Group(1.39, 20, width=0.14),
            Group(1.70, 10, ((7.3, 2, 2.99),), width=0.10),
            Group(2.05, 30, width=0.16),
            Group(2.26, 10, width=0.12),
            Group(2.99, 10, ((7.3, 2, 1.70),), width=0.10),
            Group(3.21, 10, width=0.14),
            Group(3.77, 16, width=0.16),
        ),
    ),
}


def inversion(shift, pulse, larmor):
    """Part of the magnetisation at `shift` that an editing pulse at `pulse` inverts.

    A Gaussian profile around the pulse, both in ppm.
    """
    distance = (np.asarray(shift) - pulse) * larmor / EDIT_BANDWIDTH
    return np.exp(-4 * np.log(2) * distance**2)


def multiplet(group, pulse, larmor):
    """Lines of a group after an echo of TE: offsets in Hz, and complex amplitudes.

    A partner of spin sum m shifts the line by ``m J`` and, during the echo, turns it by
    ``2 pi m J TE``. Where the editing pulses invert the partner, this turn is undone;
    where they invert the group itself, it is dephased by the gradients around them.
    """
    offset = np.zeros(1)
    amplitude = np.full(1, group.protons * (1 - inversion(group.shift, pulse, larmor)))
    for coupling, n, shift in group.partners:
        spin_sum = np.arange(n + 1) - n / 2
        undone = inversion(shift, pulse, larmor)
        turn = undone + (1 - undone) * np.exp(2j * np.pi * spin_sum * coupling * TE)
        weight = comb(n, np.arange(n + 1)) / 2**n * turn
        offset = np.add.outer(offset, spin_sum * coupling).ravel()
        amplitude = np.multiply.outer(amplitude, weight).ravel()
    return offset, amplitude


def basis_fids(time, larmor, center):
    """FIDs of 1 mmol/kg of each molecule, without line width: (2, n_molecules, n)."""
    basis = np.zeros((len(EDITS), len(MOLECULES), len(time)), dtype=np.complex128)
    for edit, pulse in enumerate((EDIT_ON, EDIT_OFF)):
        for row, molecule in enumerate(MOLECULES.values()):
            for group in molecule.groups:
                offset, amplitude = multiplet(group, pulse, larmor)
                hertz = (group.shift - center) * larmor + offset
                lines = amplitude @ np.exp(2j * np.pi * hertz[:, None] * time)
                basis[edit, row] += lines * gaussian_decay(group.width * larmor, time)
            basis[edit, row] *= np.exp(-TE / molecule.t2)
    return basis


def gaussian_decay(width, time):
    """Envelope of a FID whose line is a Gaussian with a FWHM of `width` Hz."""
    return np.exp(-((np.pi * width * time) ** 2) / (4 * np.log(2)))


def lorentzian_decay(width, time):
    """Envelope of a FID whose line is a Lorentzian with a FWHM of `width` Hz."""
    return np.exp(-np.pi * width * time)
