"""Sinus rhythm and fibrillation in the tissue, as electrograms of many simulations."""

import numpy as np
from scipy.ndimage import gaussian_filter

from ._atrium import SHAPE, SPACING, on_cylinder
from ._tissue import Tissue, longest_step, rise_time

CYCLE = (600.0, 900.0)  # ms, sinus
SLOWING = {"SR": 1.0, "AF": 0.7}  # velocity, part of that in sinus rhythm
SPREAD = 0.1  # velocities differ by up to this part between simulations
FASTEST = 1.1  # velocity of a place against that of its simulation, at most
# tau_open and tau_close in ms: action potentials of some 200 ms, and of 80 ms in AF
RECOVERY = {"SR": ((90, 110), (160, 200)), "AF": ((30, 50), (65, 85))}
IRREGULARITY = {"SR": 0.1, "AF": 0.2}  # spread of these times over the tissue
UNREST = 0.3  # in AF, and over time
HOLD = 50.0  # ms from one change of these times to the next
N_SOURCES = (2, 5)
SITE_RADIUS = 3.0  # nodes
FRAME_RATE = 250.0  # Hz, at least
EDGE = 300.0  # ms simulated on either side of the window, for the filters
WARM_UP = {"SR": 900.0, "AF": 700.0}  # ms simulated before the window
TRIES = 100


class Clock:
    """Steps of the tissue, frames that are kept, samples that are given."""

    def __init__(self, rhythm, n_times, fs, velocity):
        self.n_times = n_times
        self.velocity = velocity * SLOWING[rhythm]  # mm/ms
        self.frames_a_sample = int(np.ceil(FRAME_RATE / fs))
        self.fs = fs * self.frames_a_sample  # Hz, of the frames
        frame = 1000 / self.fs  # ms
        longest = longest_step((1 + SPREAD) * FASTEST * self.velocity, SPACING)
        self.every = int(np.ceil(frame / longest))  # steps a frame
        self.dt = frame / self.every  # ms
        self.hold = int(np.ceil(HOLD / frame))  # frames
        self.n_edge = int(np.ceil(EDGE / frame))  # frames
        self.n_window = (n_times - 1) * self.frames_a_sample + 1
        self.n_frames = self.n_window + 2 * self.n_edge
        self.n_warm_up = int(np.ceil(WARM_UP[rhythm] / frame)) - self.n_edge

    @property
    def duration(self):
        """Milliseconds from the start of the tissue to the last frame."""
        return (self.n_warm_up + self.n_frames) * self.every * self.dt


def simulate_sinus(rngs, clock, matrix):
    """Electrograms (n, n_electrodes, n_frames), velocities (n,), sites (n, 3) in mm."""
    draws, sites, stimuli = [], [], {}
    for row, rng in enumerate(rngs):
        draws.append(draw_tissue("SR", rng, clock))
        site = rng.uniform((0, 0), SHAPE)
        sites.append(on_cylinder(*site))
        nodes = disc(site)
        for time in draw_beats(rng, clock.duration):
            step = int(time / clock.dt)
            stimuli.setdefault(step, []).append((*nodes, np.full(len(nodes[0]), row)))
    stimuli = {
        step: tuple(np.concatenate(part) for part in zip(*nodes, strict=True))
        for step, nodes in stimuli.items()
    }
    *taus, speeds = _stack(draws)
    rest = np.zeros(taus[0].shape)
    tissue = Tissue(rest, rest + 1, *taus, clock.dt)
    signals = np.empty((len(rngs), len(matrix), clock.n_frames), dtype=np.float32)
    for first in range(-clock.n_warm_up, clock.n_frames, clock.hold):
        start = (first + clock.n_warm_up) * clock.every
        here = {step - start: nodes for step, nodes in stimuli.items()}
        length = min(clock.hold, clock.n_frames - first)
        frames = tissue.run(length * clock.every, clock.every, here)
        _see(frames, matrix, signals, np.arange(len(rngs)), first)
    return signals, speeds, np.array(sites)


def draw_beats(rng, duration):
    """Times of the beats in ms; the first is within a cycle."""
    cycle = rng.uniform(*CYCLE)
    n = int(np.ceil(duration / CYCLE[0])) + 1
    intervals = np.clip(cycle * rng.normal(1, 0.03, n), *CYCLE)
    times = rng.uniform(0, cycle) + np.cumsum(intervals) - intervals[0]
    return times[times < duration]


def disc(site):
    """Rows and columns of the nodes near a site (row, column)."""
    rows, columns = np.indices(SHAPE)
    around = (columns - site[1] + SHAPE[1] / 2) % SHAPE[1] - SHAPE[1] / 2
    return np.nonzero(np.hypot(rows - site[0], around) < SITE_RADIUS)


def simulate_fibrillation(rngs, clock, matrix):
    """Electrograms (n, n_electrodes, n_frames), velocities (n,), sites of NaN (n, 3).

    A simulation whose waves die out is begun anew with numbers from the same generator.
    """
    n = len(rngs)
    signals = np.empty((n, len(matrix), clock.n_frames), dtype=np.float32)
    speeds, left = np.empty(n), np.arange(n)
    for _ in range(TRIES):
        here = [rngs[row] for row in left]
        draws = [(*draw_spirals(rng), *draw_tissue("AF", rng, clock)) for rng in here]
        *state, speeds[left] = _stack(draws)
        tissue = Tissue(*state, clock.dt)
        alive = np.arange(len(left))
        for first in range(-clock.n_warm_up, clock.n_frames, clock.hold):
            tissue.quicken(_stack([(draw_field(here[k], UNREST),) for k in alive])[0])
            length = min(clock.hold, clock.n_frames - first)
            frames = tissue.run(length * clock.every, clock.every)
            _see(frames, matrix, signals, left[alive], first)
            excited = tissue.is_excited()
            if not excited.all():
                tissue.keep(excited)
                alive = alive[excited]
                if not len(alive):
                    break
        left = np.delete(left, alive)
        if not len(left):
            return signals, speeds, np.full((n, 3), np.nan)
    raise RuntimeError(f"fibrillation ended early in {TRIES} draws: shorten n_times")


def draw_spirals(rng):
    """State (u, h) from a phase that winds around 2 to 5 points, turning in turn.

    The phase is a sum of angles around the points. It is taken on the plane to which
    the exponential maps the cylinder: there it has no seam.
    """
    n = rng.integers(N_SOURCES[0], N_SOURCES[1] + 1)
    rows, columns = np.indices(SHAPE)
    points = rng.uniform((3, 0), (SHAPE[0] - 3, SHAPE[1]), (n, 2))
    plane = _to_plane(rows, columns)
    turns = rng.choice([-1, 1]) * (-1) ** np.arange(n)
    angle = rng.uniform(0, 2 * np.pi) + sum(
        turn * np.angle(plane - _to_plane(*point))
        for turn, point in zip(turns, points, strict=True)
    )
    phase = angle / np.pi % 2  # 0 to 1: action potential, 1 to 2: recovery
    u = np.where(phase < 1, 0.9 - 0.3 * phase, 0)
    h = np.where(phase < 1, 0.9 - 0.6 * phase, 0.3 + 0.65 * (phase - 1))
    return u, h


def _to_plane(row, column):
    return np.exp(2 * np.pi / SHAPE[1] * (row - SHAPE[0] / 2 + 1j * column))


def draw_tissue(rhythm, rng, clock):
    """tau_in, tau_open, tau_close (rows, columns) in ms; mean velocity in mm/ms."""
    velocity = clock.velocity * rng.uniform(1 - SPREAD, 1 + SPREAD)
    local = np.minimum(draw_field(rng, 0.05), FASTEST)
    opening, closing = (rng.uniform(*span) for span in RECOVERY[rhythm])
    return (
        rise_time(velocity * local, SPACING, clock.dt),
        opening * draw_field(rng, IRREGULARITY[rhythm]),
        closing * draw_field(rng, IRREGULARITY[rhythm]),
        velocity,
    )


def draw_field(rng, spread):
    """Smooth log-normal field around 1 (rows, columns)."""
    field = gaussian_filter(rng.normal(size=SHAPE), 5, mode=["nearest", "wrap"])
    return np.exp(spread * (field - field.mean()) / field.std())


def _stack(draws):
    """Lists of what each simulation has, as arrays whose last axis is the batch."""
    return [np.stack(part, axis=-1) for part in zip(*draws, strict=True)]


def _see(frames, matrix, signals, rows, first):
    """Write the electrograms of some frames, the first of them at `first`."""
    frames = frames[max(0, -first) :]  # without those of the warm-up
    first = max(0, first)
    u = frames.transpose(1, 2, 0, 3).reshape(matrix.shape[1], -1)
    seen = (matrix @ u).reshape(len(matrix), len(frames), len(rows))
    signals[rows, :, first : first + len(frames)] = seen.transpose(2, 0, 1)


SIMULATE = {"SR": simulate_sinus, "AF": simulate_fibrillation}
