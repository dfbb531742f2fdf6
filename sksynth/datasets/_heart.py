"""What the ECG simulators share: lead field, waves of a beat, subjects, labels."""

from numbers import Integral

import numpy as np
from scipy.spatial.transform import Rotation

from ._checks import check_number

# Dower's matrix: dipole (x left, y down, z back; mV) -> lead, in mV
DOWER = {
    "MLII": (0.235, 1.066, -0.132),  # lead II
    "V1": (-0.515, 0.157, -0.917),
    "V5": (1.125, 0.127, -0.086),
    "V2": (0.044, 0.164, -1.387),
    "V4": (1.213, 0.127, -0.601),
    "V3": (0.882, 0.098, -1.277),
    "V6": (0.831, 0.076, 0.230),
    "I": (0.632, -0.235, 0.059),
    "III": (-0.397, 1.301, -0.191),  # II - I
    "aVR": (-0.4335, -0.4155, 0.0365),  # -(I + II) / 2
    "aVL": (0.5145, -0.768, 0.125),  # I - II / 2
    "aVF": (-0.081, 1.1835, -0.1615),  # II - I / 2
}

# Waves of a beat: time after the R peak (s), width (standard deviation, s), dipole (mV)
# at a QRS of 90 ms and an RR interval of 1 s.
CONDUCTED = np.array(
    [
        [-0.170, 0.019, 0.04, 0.06, -0.05],  # P, right atrium
        [-0.140, 0.019, 0.05, 0.07, 0.05],  # P, left atrium
        [-0.025, 0.0085, -0.15, -0.08, -0.22],  # Q: septum, to the right and front
        [0.000, 0.0110, 0.95, 0.95, 0.45],  # R
        [0.029, 0.0085, -0.25, -0.25, 0.30],  # S: base, to the back
        [0.270, 0.045, 0.16, 0.14, -0.06],  # T, slow rise
        [0.310, 0.028, 0.14, 0.11, -0.04],  # T, faster fall
    ]
)
ECTOPIC = np.array(  # along the subject's ectopic axis; dipole column: relative size
    [
        [-0.031, 0.0175, 0.50],
        [0.000, 0.020, 1.00],
        [0.036, 0.018, 0.60],
        [0.310, 0.065, -0.36],  # T against the QRS
    ]
)
P_WAVES, QRS_WAVES, T_WAVES = slice(0, 2), slice(2, 5), slice(5, 7)
ECTOPIC_QRS = slice(7, 10)
N_CONDUCTED, N_ECTOPIC = len(CONDUCTED), len(ECTOPIC)


def draw_labels(n_samples, classes, weights, n_subjects, rng):
    """Draw classes with exact counts, and subjects spread evenly over each class."""
    exact = weights * n_samples
    counts = np.floor(exact).astype(int)
    left = n_samples - counts.sum()
    counts[np.argsort(counts - exact, kind="stable")[:left]] += 1  # largest remainders
    order = rng.permutation(n_samples)
    y = np.repeat(np.array(classes), counts)[order]
    return y, (np.arange(n_samples) % n_subjects)[order]


def draw_subjects(n_subjects, heart_rate, qrs_width, rng):
    """Draw wave times, widths (n, 11), dipoles (n, 11, 3), gains of early P, RR."""
    n = n_subjects
    rr = 60 / heart_rate * rng.lognormal(0, 0.10, n)

    time = np.concatenate([CONDUCTED[:, 0], ECTOPIC[:, 0]])
    width = np.concatenate([CONDUCTED[:, 1], ECTOPIC[:, 1]])
    time, width = np.tile(time, (n, 1)), np.tile(width, (n, 1))
    for qrs in (QRS_WAVES, ECTOPIC_QRS):
        slowness = qrs_width / 0.09 * rng.lognormal(0, 0.10, (n, 1))
        time[:, qrs] *= slowness
        width[:, qrs] *= slowness
    time[:, P_WAVES] += rng.normal(0, 0.012, (n, 1))
    time[:, T_WAVES] += rng.normal(0, 0.015, (n, 1))
    time[:, -1] += rng.normal(0, 0.015, n)
    width *= rng.lognormal(0, 0.08, width.shape)

    size = rng.lognormal(0, 0.25, (n, N_CONDUCTED, 1))
    axis = Rotation.from_rotvec(rng.normal(0, 0.25, (n, 3))).as_matrix()
    conducted = (CONDUCTED[:, 2:] * size) @ axis.swapaxes(1, 2)
    focus = rng.normal(0, [0.6, 0.3, 0.7], (n, 3))
    focus[:, 1] += rng.choice([-0.9, 0.9], n)  # mostly towards the base or the apex
    focus /= np.linalg.norm(focus, axis=1, keepdims=True)
    bend = rng.normal(0, 0.2, (n, N_ECTOPIC, 3))  # the loop is no straight line
    size = 1.5 * rng.lognormal(0, 0.25, (n, 1, 1))
    ectopic = size * ECTOPIC[:, 2:] * (focus[:, None] + bend)
    dipole = np.concatenate([conducted, ectopic], axis=1)
    p_gain = rng.choice([0.0, -0.9, 0.6], n)
    return time, width, dipole, p_gain, rr


def check_weights(weights, n_classes):
    if weights is None:
        return np.full(n_classes, 1 / n_classes)
    if isinstance(weights, str) or not np.iterable(weights):
        raise TypeError(f"weights must be a sequence of numbers; got {weights!r}")
    weights = [check_number("weights", weight, 0) for weight in weights]
    if len(weights) != n_classes or sum(weights) == 0:
        expected = f"{n_classes} numbers (one a class), not all 0"
        raise ValueError(f"weights must be {expected}; got {weights}")
    return np.array(weights) / sum(weights)


def as_generator(random_state):
    if isinstance(random_state, np.random.Generator):
        return random_state
    if isinstance(random_state, np.random.RandomState):
        return np.random.default_rng(
            random_state.randint(2**32, size=4, dtype=np.uint32)
        )
    if random_state is None or isinstance(random_state, Integral):
        return np.random.default_rng(random_state)
    raise TypeError(
        "random_state must be None, an int, a RandomState or a Generator; "
        f"got {random_state!r}"
    )
